using Lora.Checkpoints;
using Lora.Data;
using Lora.Native;
using Lora.Selection;

namespace Lora.Training;

/// <summary>
/// Measures adapters one after another on one dataset. A base model is loaded once and its own loss is taken once, as long as the adapters belong
/// to the same one. One thread at a time may use a session.
/// </summary>
public sealed class MeasurementSession : IDisposable
{
    private readonly ModelCache models = new();
    private readonly DateTimeOffset begun = TimeProvider.System.GetLocalNow();
    private readonly TrainingData data;
    private readonly MeasurementOptions options;
    private readonly ModuleFilter filter;
    private BaseMeasurement? baseline;

    /// <param name="dataset">Full paths of the files and folders to take the loss on.</param>
    /// <param name="options">How it is measured.</param>
    /// <exception cref="LoraException">Everything that is wrong with the options or the path.</exception>
    public MeasurementSession(IReadOnlyList<string> dataset, MeasurementOptions options)
        : this(new TrainingData(dataset, []), options)
    {
    }

    /// <param name="data">The rows to take the loss on, as the dataset that a run learns from; it has no validation sets.</param>
    /// <param name="options">How it is measured.</param>
    /// <exception cref="LoraException">Everything that is wrong with the options or the path.</exception>
    public MeasurementSession(TrainingData data, MeasurementOptions options)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        List<LoraProblem> problems = [.. options.Check()];
        Problems.Collect(problems, () => DatasetFiles.Of(data));

        // Patterns are read once, for all adapters that are piped in.
        filter = Problems.Collect(problems, () => new ModuleFilter(options.Include, options.Exclude))!;
        LoraException.ThrowIfAny(problems);
        this.data = data;
        this.options = options;
    }

    /// <summary>Measures adapters that are on at the same time, or the model without any; the measurements go to the observer, and so does what does not fit the model.</summary>
    /// <param name="adapters">The adapters; none to measure the model by itself.</param>
    /// <param name="model">The model's folder; null when the adapters know it.</param>
    /// <param name="observer">Who is told.</param>
    /// <param name="cancellation">Stops the work within a batch.</param>
    /// <exception cref="LoraException">The dataset, the device or the model cannot be used, or OutOfMemory.</exception>
    /// <exception cref="OperationCanceledException">The work was stopped.</exception>
    public void Measure(IReadOnlyList<LoraAdapter> adapters, string? model, IMeasurementObserver observer, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(adapters);
        ArgumentNullException.ThrowIfNull(observer);
        MeasurementPlan plan;
        try
        {
            plan = MeasurementPlan.Make(adapters, model, filter, options.ResizeVocabulary);
        }
        catch (LoraException exception)
        {
            // One adapter that does not fit is reported, and the next is measured.
            observer.OnFailure(exception);
            return;
        }

        plan.Warnings.ToList().ForEach(observer.OnWarning);
        plan.Notes.ToList().ForEach(observer.OnStage);
        TorchLibrary.Load();
        using ThreadCount threads = ThreadCount.Use(options.Thread);
        string[] templates = [.. adapters.Select(adapter => adapter.ChatTemplate).OfType<string>().Distinct(StringComparer.Ordinal)];
        string? carried = templates.FirstOrDefault();
        if (templates.Length > 1 && options.Data.ChatTemplate is null)
        {
            observer.OnWarning("The adapters were trained on conversations of different chat templates; that of the first is used for all.");
        }

        baseline = TorchMemoryFailure.Named(() =>
        {
            LoadedModel loaded = models.Get(
                new(plan.Folder, WeightDigest.Of(plan.Folder), data, options.Data, options.MaxLength, options.Device, options.DataType, LoraQuantization.None, plan.Vocabulary) { Carried = carried, Clock = new ChosenTemplate(plan.Folder, options.Data.ChatTemplate, carried).IsDated() ? begun : null, TaskType = plan.TaskType, Labels = plan.Labels, IsMeasured = true }, observer, cancellation);

            // The base's own loss is taken again only when another model was loaded.
            return new MeasurementRun(plan, loaded, options, observer, cancellation).Execute(baseline?.Loaded == loaded ? baseline : null);
        });
    }

    /// <inheritdoc/>
    public void Dispose() => models.Dispose();
}
