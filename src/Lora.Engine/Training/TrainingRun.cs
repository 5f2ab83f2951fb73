using System.Diagnostics;
using System.Globalization;
using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using Lora.Native;

namespace Lora.Training;

/// <summary>One configuration's run on a loaded model: evaluate, train, write, evaluate.</summary>
/// <param name="plan">What is done.</param>
/// <param name="loaded">The model and the data.</param>
/// <param name="options">How it trains.</param>
/// <param name="observer">Who is told.</param>
/// <param name="choose">How gradients are computed (<see cref="StepEngines.Choose"/>).</param>
/// <param name="cancellation">Stops the run within a batch.</param>
internal sealed class TrainingRun(
    TrainingPlan plan, LoadedModel loaded, TrainingOptions options, ITrainingObserver observer, ChooseEngine choose, CancellationToken cancellation)
{
    private const string TrainingStage = "Training";

    private readonly RunOutput output = new(plan, options, observer);
    private bool isMemoryKnown;

    /// <summary>Runs it.</summary>
    /// <param name="whole">Runs since the command began, before the model was loaded; null: this is where it begins.</param>
    /// <exception cref="OperationCanceledException">The run was stopped before its first step.</exception>
    public LoraTrainingResult Execute(Stopwatch? whole = null)
    {
        whole ??= Stopwatch.StartNew();
        MemoryPlanner.CheckAdapter(plan.TrainedValues, loaded.Model.Device, options.MemoryLimit);

        // Before the adapter is on the model, so that the base answers.
        LoraSample[] samples = [.. options.Prompt.Zip(Continuations([]), (prompt, text) => new LoraSample { Prompt = prompt, Base = text })];
        using AttachedAdapter adapter = new(loaded.Model, plan.SavedConfig, plan.Targets, loaded.Model.Device, (ulong)options.Seed);
        if (plan.Start is not null)
        {
            AdapterTensors.Load(adapter, plan.Start);
        }

        // After the adapter is on and has its values: the engine is made of the layers that it finds.
        (IStepEngine engine, string? whyAutograd) = choose(loaded.Model, adapter.Layers);
        using IStepEngine owned = engine;
        TrainingSteps steps = new(loaded.Dataset, options, Batch.Padding);
        RateWarnings(steps.Rate);
        LoraMemoryPlan? memory = Plan(engine, adapter, steps);
        isMemoryKnown = memory is not null && loaded.Shared?.IsLarger(memory) == false; // an earlier point of the sweep had as much
        using AllocatorTuning tuning = Tune(memory);
        using AdamW optimizer = new(adapter.Arena.Values, adapter.Arena.Gradients, options.WeightDecay);
        LossScaling? scaling = LossScaling.For(loaded.DataType);
        foreach (string way in ((engine as FusedStep)?.Ways ?? []).Append(optimizer.Way).OfType<string>())
        {
            observer.OnStage(way); // before anything is computed, which may take more memory or time by it
        }

        Rehearse(engine, adapter, optimizer, steps);

        // Over everything that was just initialised: values, moments, the loss scale and the generator.
        plan.State?.Restore(adapter, optimizer, scaling, steps.Rate.TotalSteps, options.OutputPath);

        RunEvaluator evaluator = new(engine, loaded.Validation, options.BatchSize, observer, cancellation);
        RunEvaluations evaluations = new(evaluator, options, adapter, [.. loaded.Validation.Select(set => set.Name)], steps.Total, plan.State?.Evaluations);
        evaluations.Begin(loaded.Shared?.Before(plan, options.BatchSize));
        loaded.Shared?.Note(plan, options.BatchSize, evaluations.State.Before);
        if (plan.State is null)
        {
            output.Note(evaluations.State.Before);
        }

        // The loop knows neither files nor plans: engine, adapter, optimiser and numbers.
        TrainingLoop loop = new(engine, adapter, optimizer, options, scaling, observer.OnWarning) { Counts = plan.State?.Loop ?? new(0, 0) };
        AdapterCheckpoints? checkpoints = options.SaveLimit is int limit ? new(options.OutputPath!, limit, () => Snapshot(adapter)) : null;
        TrainingStateKeeper? keeper = options.IsStateKept
            ? new(options.OutputPath, options, loop, checkpoints, adapter, optimizer, scaling, plan.State?.Step ?? 0, evaluations, plan.Identity)
            : null;
        observer.OnStage($"Training {plan.Targets.Count} modules, {adapter.Arena.Count} values, {(whyAutograd is null ? "by the fused step" : $"by autograd: {whyAutograd}")}");

        observer.Report(new(TrainingStage, plan.State?.Step ?? 0, steps.Total, WorkUnit.Step));

        // Speed is that of the training alone: neither loading nor evaluating is in it.
        Stopwatch clock = Stopwatch.StartNew();
        LoraStopReason reason = Train(loop, steps, evaluations, keeper, memory, clock);
        clock.Stop();
        if (reason == LoraStopReason.Cancelled && loop.History.Count == 0)
        {
            // Nothing was learned: an adapter that is written now would only look like one.
            cancellation.ThrowIfCancellationRequested();
        }

        int done = loop.Last ?? plan.State?.Step ?? 0;
        int? best = evaluations.TakeBest(); // the state of a stopped run has been written by now, with the values of its last step

        // A copy, since the values go with this run; written before anything else can fail.
        LoraAdapter trained = Snapshot(adapter);
        string? written = output.Write(trained, best ?? done);
        if (reason is LoraStopReason.Completed or LoraStopReason.EarlyStopped)
        {
            output.Keep(() => keeper?.Prune());
            output.Keep(() => output.End(keeper, written, isStateKept: options.PauseDivisor is not null));
        }

        // Whoever stops a run waits for its adapter and no longer; where memory was lacking it is not asked for again.
        bool goesOn = !cancellation.IsCancellationRequested && reason != LoraStopReason.OutOfMemory;
        IReadOnlyList<LoraEvaluation>? after = best is not null ? evaluations.State.Best
            : evaluations.State.LastStep == done && done > 0 ? evaluations.State.Last
            : goesOn ? Look(() => reason == LoraStopReason.Paused ? evaluations.Pause(done) : evaluations.End(done))
            : null;
        if (evaluations.State.LastStep < done && best is null)
        {
            output.Note(after ?? []);
        }

        loaded.LateWarnings().ToList().ForEach(observer.OnWarning);
        return new()
        {
            Adapter = trained.With(loaded.Validation is [LoadedValidation first, ..] ? new ValidationRows([.. first.Dataset.Files.Select(file => file.Path)], options.Data) : null),
            Config = plan.Config,
            Model = plan.Folder,
            StopReason = reason,
            Done = done,
            Total = steps.Total,
            Ended = after ?? [],
            State = reason == LoraStopReason.Paused ? keeper?.Held : null,
            History = [.. loop.History],
            Before = evaluations.State.Before is [LoraEvaluation before, ..] ? before : null,
            After = after is [LoraEvaluation ended, ..] ? ended : null,
            Evaluation = [.. evaluations.Taken],
            BestStep = evaluations.State.BestStep,
            Sample = (goesOn ? Look(() => Adapted(samples, adapter.Layers)) : null) ?? samples,
            Data = [.. loaded.Report()],
            ModuleCount = plan.Targets.Count,
            TrainableParameter = adapter.Arena.Count,
            TokenPerSecond = loop.History.Sum(step => step.Token) / clock.Elapsed.TotalSeconds,
            PeakMemory = Process.GetCurrentProcess().PeakWorkingSet64,
            MemoryPlan = memory,
            Elapsed = whole.Elapsed,
            TrainingElapsed = clock.Elapsed,
            Device = loaded.Model.Device.ToString(),
            AdapterPath = written,
            Failure = [.. output.Failures],
        };
    }

    private LoraAdapter Snapshot(AttachedAdapter adapter) =>
        AdapterTensors.Snapshot(adapter, plan.SavedConfig, plan.Fitted?.Carried, loaded.ChatTemplate ?? plan.Start?.ChatTemplate, loaded.Labels);

    private void RateWarnings(LearningRate rate)
    {
        if (options.WarmupStep > rate.TotalSteps)
        {
            observer.OnWarning($"The warm-up of {options.WarmupStep} steps is longer than the run of {rate.TotalSteps}: the learning rate never reaches its peak.");
        }
        else if (options.DecayStep > rate.TotalSteps - rate.StableUntil)
        {
            observer.OnWarning($"The decay of {options.DecayStep} steps is longer than the {rate.TotalSteps - rate.StableUntil} after the warm-up: it begins with them.");
        }
    }

    /// <summary>Trains the largest batch once and keeps nothing of it, before anything that takes long.</summary>
    private void Rehearse(IStepEngine engine, AttachedAdapter adapter, AdamW optimizer, TrainingSteps steps)
    {
        if (options.Rehearsal && !isMemoryKnown && !(plan.State?.Step >= steps.End))
        {
            Batch largest = steps.Largest(cancellation);
            observer.OnStage($"Rehearsing the largest batch, {largest.Rows} rows of up to {largest.Length} tokens");
            MemoryRehearsal.Run(engine, adapter, optimizer, largest);
        }
    }

    private LoraMemoryPlan? Plan(IStepEngine engine, AttachedAdapter adapter, TrainingSteps steps)
    {
        if (engine is FusedStep step)
        {
            // Only the fused step knows its memory beforehand: its tensors are a function of the batch's shape.
            LoraMemoryPlan plan = StepSetup.Plan(step, loaded, adapter, steps, options, observer.OnWarning, cancellation);
            observer.OnStage($"Memory: {plan}");
            if (plan.Peak > plan.Limit)
            {
                observer.OnWarning($"The run needs more memory than there is ({plan}). It may be ended by the system, or be many times slower while memory is swapped or a GPU's driver moves it.");
            }

            return plan;
        }

        if (options.MemoryLimit is not null || options.Checkpointing == LoraCheckpointing.Full)
        {
            observer.OnWarning("The memory limit and checkpointing have no effect on this run: autograd trains it (-Verbose says why), and keeps what it likes.");
        }

        EvaluationSetup.GiveRoom(engine, loaded.Model.Device);
        return null;
    }

    /// <summary>Keeps freed memory, or gives it back, from the first evaluation to the last.</summary>
    private AllocatorTuning Tune(LoraMemoryPlan? memory)
    {
        // The plan knows whether there is room to keep it; without a plan the user's word counts, and keeping is the faster way.
        bool keepsFreedMemory = memory?.KeepsFreedMemory ?? options.KeepFreedMemory ?? true;
        return !keepsFreedMemory ? AllocatorTuning.ReturnFreedMemory()
            : memory is null ? AllocatorTuning.KeepAllFreedMemory() // autograd's memory is not planned
            : AllocatorTuning.KeepFreedMemory();
    }

    private LoraStopReason Train(
        TrainingLoop loop, TrainingSteps steps, RunEvaluations evaluations, TrainingStateKeeper? keeper, LoraMemoryPlan? memory, Stopwatch clock)
    {
        // Only Windows' driver moves a GPU's memory without a word; elsewhere this is null.
        SpillWatch? spills = SpillWatch.For(loaded.Model.Device, memory?.Peak, observer.OnWarning);

        // A bad step ends the steps, not the run: what was learned before it is written and returned.
        LateTelling telling = new(isPutOff: loaded.Model.Device.type != TorchSharp.DeviceType.CPU);
        LoraStopReason reason = Run();
        output.Keep(() => keeper?.OnStop(reason));
        return reason;

        LoraStopReason Run()
        {
            try
            {
                int begun = plan.State?.Step ?? 0;
                Evaluate(begun); // a run that was stopped within an evaluation has it before it goes on
                IEnumerable<TrainingStepBatches> left = steps.After(begun).TakeWhile(_ => !evaluations.IsPatienceOver);
                LoraStopReason ended = loop.Run(left, steps.Rate, OnStep, cancellation, telling.Tell);
                int last = loop.Last ?? begun;
                return ended != LoraStopReason.Completed ? ended
                    : evaluations.IsDue(last) ? LoraStopReason.Cancelled // within the last evaluation
                    : last >= steps.Total ? LoraStopReason.Completed
                    : evaluations.IsPatienceOver ? LoraStopReason.EarlyStopped
                    : LoraStopReason.Paused;
            }
            catch (LoraException exception) when (exception.Error != LoraError.NothingLearned && (exception.Error is LoraError.LossNotFinite or LoraError.OutOfMemory || loop.History.Count > 0))
            {
                output.Fail(exception);
                return exception.Error switch
                {
                    LoraError.OutOfMemory => LoraStopReason.OutOfMemory,
                    LoraError.LossNotFinite => LoraStopReason.NotFinite,
                    _ => LoraStopReason.DataFailed, // a row of a large dataset, which is read when it is needed
                };
            }
            finally
            {
                telling.Tell();
            }
        }

        IReadOnlyList<LoraEvaluation> Evaluate(int step)
        {
            if (!evaluations.IsDue(step))
            {
                return [];
            }

            clock.Stop();
            try
            {
                IReadOnlyList<LoraEvaluation> found = evaluations.OnStep(step);
                output.Note(found);
                observer.OnStage($"Step {step}: {string.Join("; ", found.Select(one => $"{one.Name}: {one}"))}{(evaluations.State.BestStep == step ? "; the best so far" : "")}");
                return found;
            }
            catch (OperationCanceledException)
            {
                return []; // it is still due; the loop ends before its next batch
            }
            finally
            {
                clock.Start();
            }
        }

        void OnStep(LoraTrainingStep step)
        {
            // The record comes before what is written of the same step, and else with what is told.
            bool isWritten = keeper?.IsDue(step.Step) == true;
            bool isNoted = isWritten || evaluations.IsDue(step.Step);
            if (isNoted)
            {
                output.Note(step);
            }

            // Before the state of the step, which has them in it.
            step.Evaluation = [.. Evaluate(step.Step)];
            output.Keep(() => keeper?.OnStep(step.Step, isWritten));
            if (memory is not null)
            {
                // Where memory was planned it is held to the plan; autograd's would be given back only to be asked for again.
                AllocatorTuning.TrimAfter(loop.History.Count + (isMemoryKnown ? AllocatorTuning.FirstSteps : 0));
            }

            string text = StepText(step, evaluations.LastLoss);
            telling.Add(() =>
            {
                if (!isNoted)
                {
                    output.Note(step);
                }

                if (step.IsSkipped && step.SkipReason is null)
                {
                    observer.OnStage($"Step {step.Step} was skipped: its gradients, scaled by {step.LossScale}, left the range of float16");
                }

                spills?.OnStep();
                observer.OnStep(step);
                observer.Report(new(TrainingStage, step.Step, step.TotalStep, WorkUnit.Step, text));
            });
        }
    }

    private string StepText(LoraTrainingStep step, double? validation)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"loss {step.Loss:F4}, {step.TokenPerSecond:N0} tokens/s");
        return options.EvaluationStep is null ? text : text + string.Create(CultureInfo.InvariantCulture, $", validation loss {validation:F4}");
    }

    /// <summary>A look at what was learned. The adapter is trained by now: nothing that happens here takes it away.</summary>
    private T? Look<T>(Func<T?> look)
        where T : class
    {
        try
        {
            return TorchMemoryFailure.Named(look);
        }
        catch (OperationCanceledException)
        {
            return null; // whoever stops a run wants what it has, and no longer this
        }
        catch (Exception exception)
        {
            output.Fail(exception as LoraException
                ?? LoraException.From(exception, LoraError.Unexpected, null, "What follows a training", exception.GetType().Name, exception.Message));
            return null;
        }
    }

    private LoraSample[] Adapted(LoraSample[] samples, IEnumerable<AdaptedLayer> layers) =>
        [.. samples.Zip(Continuations(layers), (sample, text) => new LoraSample { Prompt = sample.Prompt, Base = sample.Base, Adapted = text })];

    private string[] Continuations(IEnumerable<AdaptedLayer> layers) => loaded.Continue(options.Prompt, options.PromptToken, layers, observer, cancellation);
}
