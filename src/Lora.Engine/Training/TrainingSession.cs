using Lora.Native;

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

    /// <summary>Trains one configuration.</summary>
    /// <param name="config">What is adapted; it knows its model.</param>
    /// <param name="data">What is read.</param>
    /// <param name="options">How it trains.</param>
    /// <param name="observer">Who is told.</param>
    /// <param name="cancellation">Stops the run within a batch; the adapter of the last whole step is kept.</param>
    /// <exception cref="LoraException">Everything that is wrong with the input, before anything is changed or written; OutOfMemory outside a step.</exception>
    /// <exception cref="OperationCanceledException">The run was stopped before its first step.</exception>
    public LoraTrainingResult Train(
        LoraConfig config, TrainingData data, TrainingOptions options, ITrainingObserver observer, CancellationToken cancellation)
    {
        // Everything that can be found wrong is found here, before libtorch is loaded, let alone a model.
        TrainingPlan plan = TrainingPlan.Make(config, data, options);
        plan.Warnings.ToList().ForEach(observer.OnWarning);
        TorchLibrary.Load();
        return TorchMemoryFailure.Named(() =>
        {
            LoadedModel loaded = models.Get(new(plan.Folder, data, options), observer, cancellation);
            return new TrainingRun(plan, loaded, options, observer, StepEngines.Choose, cancellation).Execute();
        });
    }

    /// <inheritdoc/>
    public void Dispose() => models.Dispose();
}
