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

    private readonly List<string> failures = [];

    /// <summary>What has kept the state from being written so far, by the system's number: messages name another temporary file each time.</summary>
    private readonly HashSet<int> refusals = [];

    /// <summary>Runs it.</summary>
    /// <param name="whole">Runs since the command began, before the model was loaded; null: this is where it begins.</param>
    /// <exception cref="OperationCanceledException">The run was stopped before its first step.</exception>
    public LoraTrainingResult Execute(Stopwatch? whole = null)
    {
        whole ??= Stopwatch.StartNew();
        MemoryPlanner.CheckAdapter(plan.TrainedValues, loaded.Model.Device, options.MemoryLimit);

        // Before the adapter is on the model, so that the base answers.
        LoraSample[] samples = [.. options.Prompt.Zip(Continuations(), (prompt, text) => new LoraSample { Prompt = prompt, Base = text })];
        using AttachedAdapter adapter = new(loaded.Model, plan.SavedConfig, plan.Targets, loaded.Model.Device, (ulong)options.Seed);
        if (plan.Start is not null)
        {
            AdapterTensors.Load(adapter, plan.Start);
        }

        // After the adapter is on and has its values: the engine is made of the layers that it finds.
        (IStepEngine engine, string? whyAutograd) = choose(loaded.Model, adapter.Layers);
        using IStepEngine owned = engine;
        TrainingSteps steps = new(loaded.Dataset, options, Batch.Padding);
        if (options.WarmupStep > steps.Rate.TotalSteps)
        {
            observer.OnWarning($"The warm-up of {options.WarmupStep} steps is longer than the run of {steps.Rate.TotalSteps}: the learning rate never reaches its peak.");
        }

        LoraMemoryPlan? memory = Plan(engine, adapter, steps);
        using AdamW optimizer = new(adapter.Arena.Values, adapter.Arena.Gradients, options.WeightDecay);
        LossScaling? scaling = LossScaling.For(loaded.DataType);

        // Over everything that was just initialised: values, moments, the loss scale and the generator.
        plan.State?.Restore(adapter, optimizer, scaling, steps.Rate.TotalSteps, options.OutputPath!);

        // A run that goes on has its first evaluation in its state; the adapter is no longer what it was then.
        RunEvaluator evaluator = new(engine, loaded.Validation, options.BatchSize, observer, cancellation);
        IReadOnlyList<LoraEvaluation> before = plan.State?.Before ?? evaluator.Evaluate("before the first step", step: 0);
        TrainingStateKeeper? keeper = options.IsStateKept
            ? new(options.OutputPath!, options.SaveStep ?? int.MaxValue, adapter, optimizer, scaling, plan.State?.Step ?? 0, before, plan.Identity)
            : null;
        observer.OnStage($"Training {plan.Targets.Count} modules, {adapter.Arena.Count} values, {(whyAutograd is null ? "by the fused step" : $"by autograd: {whyAutograd}")}");

        observer.Report(new(TrainingStage, plan.State?.Step ?? 0, steps.Total, WorkUnit.Step));

        // The loop knows neither files nor plans: engine, adapter, optimiser and numbers.
        TrainingLoop loop = new(engine, adapter, optimizer, options, scaling);

        // Speed is that of the training alone: neither loading nor evaluating is in it.
        Stopwatch clock = Stopwatch.StartNew();
        LoraStopReason reason = Train(loop, steps, keeper, memory);
        clock.Stop();
        if (reason == LoraStopReason.Cancelled && loop.History.Count == 0)
        {
            // Nothing was learned: an adapter that is written now would only look like one.
            cancellation.ThrowIfCancellationRequested();
        }

        // A copy, since the values go with this run; written before anything else can fail.
        LoraAdapter trained = AdapterTensors.Snapshot(adapter, plan.SavedConfig, plan.Fitted?.Carried ?? []);
        string? written = Write(trained);
        if (reason == LoraStopReason.Completed)
        {
            Keep(() => End(keeper, written));
        }

        // Whoever stops a run waits for its adapter and no longer; where memory was lacking it is not asked for again.
        bool goesOn = !cancellation.IsCancellationRequested && reason != LoraStopReason.OutOfMemory;
        int done = loop.History is [.., LoraTrainingStep last] ? last.Step : plan.State?.Step ?? 0;
        IReadOnlyList<LoraEvaluation> after = (goesOn ? Look(() => evaluator.Evaluate("after the last step", done)) : null) ?? [];
        loaded.LateWarnings().ToList().ForEach(observer.OnWarning);
        return new()
        {
            Adapter = trained,
            Config = plan.Config,
            Model = plan.Folder,
            StopReason = reason,
            History = [.. loop.History],
            Before = before is [LoraEvaluation first, ..] ? first : null,
            After = after is [LoraEvaluation ended, ..] ? ended : null,
            Evaluation = [.. before, .. after],
            Sample = (goesOn ? Look(() => Adapted(samples)) : null) ?? samples,
            ModuleCount = plan.Targets.Count,
            TrainableParameter = adapter.Arena.Count,
            TokenPerSecond = loop.History.Sum(step => step.Token) / clock.Elapsed.TotalSeconds,
            PeakMemory = Process.GetCurrentProcess().PeakWorkingSet64,
            MemoryPlan = memory,
            Elapsed = whole.Elapsed,
            TrainingElapsed = clock.Elapsed,
            Device = loaded.Model.Device.ToString(),
            AdapterPath = written,
            Failure = [.. failures],
        };
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

        return null;
    }

    private LoraStopReason Train(TrainingLoop loop, TrainingSteps steps, TrainingStateKeeper? keeper, LoraMemoryPlan? memory)
    {
        // The plan knows whether there is room to keep it; without a plan the user's word counts, and keeping is the faster way.
        bool keepsFreedMemory = memory?.KeepsFreedMemory ?? options.KeepFreedMemory ?? true;
        using AllocatorTuning tuning = !keepsFreedMemory ? AllocatorTuning.ReturnFreedMemory()
            : memory is null ? AllocatorTuning.KeepAllFreedMemory() // autograd's memory is not planned
            : AllocatorTuning.KeepFreedMemory();

        // Only Windows' driver moves a GPU's memory without a word; elsewhere this is null.
        SpillWatch? spills = SpillWatch.For(loaded.Model.Device, memory?.Peak, observer.OnWarning);

        // A bad step ends the steps, not the run: what was learned before it is written and returned.
        LoraStopReason reason = Run();
        Keep(() => keeper?.OnStop(reason));
        return reason;

        LoraStopReason Run()
        {
            try
            {
                return loop.Run(steps.After(plan.State?.Step ?? 0), steps.Rate, OnStep, cancellation);
            }
            catch (LoraException exception) when (exception.Error is LoraError.LossNotFinite or LoraError.OutOfMemory || loop.History.Count > 0)
            {
                Fail(exception);
                return exception.Error switch
                {
                    LoraError.OutOfMemory => LoraStopReason.OutOfMemory,
                    LoraError.LossNotFinite => LoraStopReason.NotFinite,
                    _ => LoraStopReason.DataFailed, // a row of a large dataset, which is read when it is needed
                };
            }
        }

        void OnStep(LoraTrainingStep step)
        {
            Keep(() => keeper?.OnStep(step.Step));
            if (memory is not null)
            {
                // Where memory was planned it is held to the plan; autograd's would be given back only to be asked for again.
                AllocatorTuning.TrimAfter(loop.History.Count);
            }

            if (step.IsSkipped)
            {
                observer.OnStage($"Step {step.Step} was skipped: its gradients, scaled by {step.LossScale}, left the range of float16");
            }

            spills?.OnStep();
            observer.OnStep(step);
            observer.Report(new(TrainingStage, step.Step, step.TotalStep, WorkUnit.Step, StepText(step)));
        }
    }

    private static string StepText(LoraTrainingStep step) =>
        string.Create(CultureInfo.InvariantCulture, $"loss {step.Loss:F4}, {step.TokenPerSecond:N0} tokens/s");

    /// <summary>Removes the state of a run that is complete, once its adapter is in its place; where that could not be written, the state is.</summary>
    private void End(TrainingStateKeeper? keeper, string? written)
    {
        // In this order a process that dies at any moment leaves the adapter or the state that it comes from.
        if (written is null)
        {
            keeper?.Write();
        }
        else if (keeper is not null || options.Overwrite)
        {
            TrainingStateFile.Remove(written); // also that of an earlier run, which was overwritten
        }
    }

    /// <summary>Writes or removes the state; where the system refuses, the run goes on and its adapter is not lost.</summary>
    private void Keep(Action write)
    {
        try
        {
            write();
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            // A disk that is full ends neither the run nor the adapter in memory, and is told of once, not at each writing.
            if (refusals.Add((exception.InnerException ?? exception).HResult))
            {
                Fail(Named(exception));
            }
        }
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
            Fail(exception as LoraException
                ?? LoraException.From(exception, LoraError.Unexpected, null, "What follows a training", exception.GetType().Name, exception.Message));
            return null;
        }
    }

    /// <summary>Notes a failure that does not end the run: it goes into the result, and who watches is told at once.</summary>
    private void Fail(LoraException failure)
    {
        failures.Add(failure.Message);
        observer.OnFailure(failure);
    }

    private LoraSample[] Adapted(LoraSample[] samples) =>
        [.. samples.Zip(Continuations(), (sample, text) => new LoraSample { Prompt = sample.Prompt, Base = sample.Base, Adapted = text })];

    private string[] Continuations() => loaded.Continue(options.Prompt, options.PromptToken, observer, cancellation);

    private string? Write(LoraAdapter trained)
    {
        if (options.OutputPath is not string folder)
        {
            return null;
        }

        try
        {
            observer.OnStage($"Writing '{folder}'");
            AdapterFolder.Save(trained, folder, options.Overwrite || plan.State is not null, observer.OnWarning, observer);
            observer.OnWritten(folder);
            return folder;
        }
        catch (Exception exception) when (IsRefusal(exception))
        {
            // The adapter is still in the result: it can be exported elsewhere.
            Fail(Named(exception));
            return null;
        }
    }

    // OutputExists: the folder was free when the run was planned, and another adapter came into it meanwhile.
    private static bool IsRefusal(Exception exception) =>
        exception is IOException or UnauthorizedAccessException or LoraException { Error: LoraError.OutputFailed or LoraError.OutputExists };

    private LoraException Named(Exception exception) =>
        exception as LoraException ?? LoraException.From(exception, LoraError.OutputFailed, options.OutputPath, options.OutputPath!, exception.Message);
}
