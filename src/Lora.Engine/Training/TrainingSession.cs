using System.Diagnostics;
using Lora.Models;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>
/// Trains configurations one after another. The base model is loaded once and never changed, so each run starts from the same
/// weights and from its own seed. One thread at a time may use a session.
/// </summary>
/// <remarks>
/// It takes configurations, files and options and gives results, adapters included; an observer is told of stages, steps and warnings, and knows no
/// shell. A plan first finds everything that is wrong (<see cref="TrainingPlan"/>), then the model is loaded or taken from the run before, then <see
/// cref="TrainingRun"/> evaluates, trains, writes and evaluates again. Whatever ends a run early, the adapter of its last whole step is kept.
/// </remarks>
public sealed class TrainingSession : IDisposable
{
    private readonly ModelCache models = new();
    /// <summary>A session that begins now.</summary>
    public TrainingSession()
        : this(TimeProvider.System)
    {
    }

    internal TrainingSession(TimeProvider clock) => Begun = clock.GetLocalNow();

    /// <summary>The time that chat templates write into conversations: that of the session, or of what it goes on with.</summary>
    internal DateTimeOffset Begun { get; set; }

    /// <summary>The lowest block that learns in any point of the sweep that the next run is part of; null for a run by itself.</summary>
    internal int? SweptBlock { get; set; }

    /// <summary>Trains one configuration.</summary>
    /// <param name="config">What is adapted; it knows its model.</param>
    /// <param name="data">What is read.</param>
    /// <param name="options">How it trains.</param>
    /// <param name="observer">Who is told. Without one, warnings and failures go to <see cref="Trace"/>; failures are in the result too.</param>
    /// <param name="cancellation">Stops the run within a batch; the adapter of the last whole step is kept.</param>
    /// <exception cref="LoraException">Everything that is wrong with the input, before anything is changed or written; OutOfMemory outside a step.</exception>
    /// <exception cref="OperationCanceledException">The run was stopped before its first step.</exception>
    public LoraTrainingResult Train(
        LoraConfig config, TrainingData data, TrainingOptions options, ITrainingObserver? observer = null, CancellationToken cancellation = default)
    {
        // Everything that can be found wrong is found here, before libtorch is loaded, let alone a model.
        Stopwatch clock = Stopwatch.StartNew();
        return Train(TrainingPlan.Make(config, data, options, Begun), data, options, observer, cancellation, clock);
    }

    /// <summary>Trains what was planned with the same options, but for where it pauses.</summary>
    /// <param name="plan">What is done.</param>
    /// <param name="data">What is read.</param>
    /// <param name="options">How it trains.</param>
    /// <param name="observer">Who is told; null for nobody.</param>
    /// <param name="cancellation">Stops the run within a batch.</param>
    /// <param name="clock">Runs since the run began; null: that is now.</param>
    /// <exception cref="LoraException">What is wrong with the rows or the device; OutOfMemory outside a step.</exception>
    /// <exception cref="OperationCanceledException">The run was stopped before its first step.</exception>
    internal LoraTrainingResult Train(
        TrainingPlan plan, TrainingData data, TrainingOptions options, ITrainingObserver? observer, CancellationToken cancellation, Stopwatch? clock = null)
    {
        observer ??= new Unobserved();
        clock ??= Stopwatch.StartNew();
        plan.Warnings.ToList().ForEach(observer.OnWarning);
        if (plan.Fitted?.Note is string note)
        {
            observer.OnStage(note);
        }

        TorchLibrary.Load();
        using ThreadCount threads = ThreadCount.Use(options.Thread);
        return TorchMemoryFailure.Named(() =>
        {
            // The device is known now, and with it the dtype; gigabytes are read after that.
            Device device = TrainingDevice.Find(options.Device);
            TrainingPlan planned = plan.On(device.type, TrainingDevice.Type(options.DataType, device), options);
            LoadedModel loaded = models.Get(new(plan.Folder, plan.Weights, data, options, plan.Vocabulary) { Carried = plan.Start?.ChatTemplate, Clock = plan.Clock, TaskType = plan.SavedConfig.TaskType, Labels = plan.Start?.Labels?.Known }, observer, cancellation);
            loaded.ShareAt(SweptBlock);
            return new TrainingRun(planned, loaded, options, observer, StepEngines.Choose, cancellation).Execute(clock);
        });
    }

    /// <inheritdoc/>
    public void Dispose() => models.Dispose();

    private sealed class Unobserved : ITrainingObserver
    {
        public void OnStage(string text)
        {
        }

        public void OnWarning(string text) => Trace.TraceWarning(text);

        public void OnFailure(LoraException failure) => Trace.TraceError(failure.Message);

        public void OnStep(LoraTrainingStep done)
        {
        }

        public void OnWritten(string folder, int ofStep)
        {
        }

        public void Report(WorkProgress value)
        {
        }
    }
}
