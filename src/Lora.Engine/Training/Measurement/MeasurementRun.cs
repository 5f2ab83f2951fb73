using Lora.Adapters;
using Lora.Models;

namespace Lora.Training;

/// <summary>Takes the loss of a loaded model with adapters on it: all modules that stay on, or all but one part after another.</summary>
internal sealed class MeasurementRun(
    MeasurementPlan plan, LoadedModel loaded, MeasurementOptions options, IMeasurementObserver observer, CancellationToken cancellation)
{
    // An unconverted start that is drawn at random begins as in a training with the default seed.
    private static readonly ulong Seed = (ulong)new TrainingOptions().Seed;

    private readonly List<AttachedAdapter> attached = [];
    private readonly HashSet<string> told = new(StringComparer.Ordinal); // once, of however many evaluations
    private int evaluationsLeft;
    private int batches;

    /// <summary>All layers that are on now.</summary>
    private IEnumerable<AdaptedLayer> Layers => attached.SelectMany(adapter => adapter.Layers).Where(layer => layer.IsAttached);

    /// <summary>Measures.</summary>
    /// <param name="known">What the base model does, when that was measured before.</param>
    /// <returns>What the base model does.</returns>
    /// <exception cref="OperationCanceledException">The work was stopped.</exception>
    public BaseMeasurement Execute(BaseMeasurement? known)
    {
        string[] active = [.. plan.Adapters.SelectMany(planned => planned.Active).Distinct(StringComparer.Ordinal)];
        (string Name, int? Layer)[] parts = options.EachLayer ? [.. active.Select(AdapterParts.Of).Distinct()] : [];
        evaluationsLeft = (known is null ? 1 : 0) + (plan.Adapters.Count == 0 ? 0 : 1) + parts.Length;

        // Before anything is attached; adapters of one model share the figure.
        BaseMeasurement baseline = known ?? new(loaded, Evaluate("the base model"), Continuations());
        if (known is null)
        {
            // Every row has been met by now.
            loaded.LateWarnings().ToList().ForEach(observer.OnWarning);
        }

        if (plan.Adapters.Count == 0)
        {
            observer.OnMeasured(Describe(baseline, baseline.Evaluation, modules: 0));
            return baseline;
        }

        try
        {
            if (Attach())
            {
                Measure(baseline, parts);
            }
        }
        finally
        {
            attached.ForEach(adapter => adapter.Dispose());
        }

        return baseline;
    }

    private void Measure(BaseMeasurement baseline, (string Name, int? Layer)[] parts)
    {
        // All that the filter leaves, once: what the parts are compared with.
        int count = SwitchTo(_ => true);
        LoraEvaluation whole = Evaluate(plan.Name);
        if (!options.EachLayer)
        {
            observer.OnMeasured(Describe(baseline, whole, count));
        }

        // One part off at a time: what the loss rises by is what the part is worth beside all others.
        foreach ((string name, int? layer) in parts)
        {
            int left = SwitchTo(module => AdapterParts.Of(module).Name != name);
            LoraEvaluation evaluation = Evaluate($"{plan.Name} without {name}");
            observer.OnMeasured(Describe(baseline, evaluation, left, name, layer, evaluation.Loss - whole.Loss));
        }
    }

    /// <summary>Puts the adapters on; false when one does not fit, which is reported.</summary>
    private bool Attach()
    {
        try
        {
            foreach (PlannedAdapter planned in plan.Adapters)
            {
                AttachedAdapter adapter = new(loaded.Model, planned.Config, planned.Targets, loaded.Model.Device, Seed);

                // Noted before its values are loaded, so that it is taken off if they do not fit.
                attached.Add(adapter);
                AdapterTensors.Load(adapter, planned.Fitted!.Adapter);
            }

            return true;
        }
        catch (LoraException exception)
        {
            observer.OnFailure(exception);
            return false;
        }
    }

    /// <summary>Leaves those active modules on that a test lets through; how many there are.</summary>
    private int SwitchTo(Func<string, bool> isOn)
    {
        foreach ((AttachedAdapter adapter, PlannedAdapter planned) in attached.Zip(plan.Adapters))
        {
            // By switching, not by attaching anew: the values stay where they are, on the device.
            adapter.ActiveModules = [.. planned.Active.Where(isOn)];
        }

        return attached.SelectMany(adapter => adapter.ActiveModules).Distinct(StringComparer.Ordinal).Count();
    }

    private LoraEvaluation Evaluate(string what)
    {
        observer.OnStage($"Evaluating {what}");
        int total = batches + (evaluationsLeft * Evaluator.Batches(loaded.Dataset, options.BatchSize));
        evaluationsLeft--;
        observer.Report(new($"Evaluating {what}", batches, total, WorkUnit.Batch));

        // Anew for each: the fused step is made of the layers that are on.
        (IStepEngine engine, string? whyAutograd) = StepEngines.Choose(loaded.Model, Layers);
        using IStepEngine owned = engine;
        SetUp(engine, whyAutograd);
        return Evaluator.Evaluate(engine, loaded.Dataset, options.BatchSize, cancellation, () => observer.Report(new($"Evaluating {what}", ++batches, total, WorkUnit.Batch)));
    }

    private void SetUp(IStepEngine engine, string? whyAutograd)
    {
        LoraMemoryPlan? memory = EvaluationSetup.Plan(engine, loaded, options.BatchSize, cancellation);
        string way = whyAutograd is null ? "Losses are taken by the fused step" : $"Losses are taken by autograd: {whyAutograd}";
        foreach (string text in ((engine as FusedStep)?.Ways ?? []).Prepend(way).Where(told.Add))
        {
            observer.OnStage(text);
        }

        if (memory is null)
        {
            return;
        }

        observer.OnStage($"Memory: {memory}");
        if (memory.Peak > memory.Limit && told.Add(nameof(memory)))
        {
            observer.OnWarning($"The evaluation needs more memory than there is ({memory}). It may be ended by the system, or be many times slower while memory is swapped or a GPU's driver moves it.");
        }
    }

    private string[] Continuations() => loaded.Continue(options.Prompt, options.PromptToken, Layers, observer, cancellation);

    private LoraMeasurement Describe(
        BaseMeasurement baseline, LoraEvaluation evaluation, int modules, string? without = null, int? layer = null, double? rise = null)
    {
        return new()
        {
            Name = plan.Name,
            Adapter = plan.Adapters.Count == 1 ? plan.Adapters[0].Adapter : null,
            Model = plan.Folder,
            Without = without,
            Layer = layer,
            Loss = evaluation.Loss,
            Perplexity = evaluation.Perplexity,
            Accuracy = evaluation.Accuracy,
            MacroF1 = evaluation.MacroF1,
            MeanSquaredError = evaluation.MeanSquaredError,
            Pearson = evaluation.Pearson,
            ChoiceAccuracy = evaluation.ChoiceAccuracy,
            ChoiceAccuracyNormalized = evaluation.ChoiceAccuracyNormalized,
            ChoiceCount = evaluation.ChoiceCount,
            Score = evaluation.Score,
            BaseLoss = baseline.Evaluation.Loss,
            BaseAccuracy = baseline.Evaluation.Accuracy,
            BaseChoiceAccuracy = baseline.Evaluation.ChoiceAccuracy,
            BaseChoiceAccuracyNormalized = baseline.Evaluation.ChoiceAccuracyNormalized,
            LossChange = evaluation.Loss - baseline.Evaluation.Loss,
            LossRise = rise,
            SupervisedToken = evaluation.SupervisedToken,
            ModuleCount = modules,
            Sample =
            [
                .. options.Prompt.Zip(baseline.Continuations, plan.Adapters.Count == 0 ? baseline.Continuations : Continuations())
                    .Select(entry => new LoraSample { Prompt = entry.First, Base = entry.Second, Adapted = entry.Third }),
            ],
        };
    }
}

/// <summary>What a base model does without any adapter.</summary>
/// <param name="Loaded">The model.</param>
/// <param name="Evaluation">Its loss.</param>
/// <param name="Continuations">How it continues the prompts.</param>
internal sealed record BaseMeasurement(LoadedModel Loaded, LoraEvaluation Evaluation, IReadOnlyList<string> Continuations);
