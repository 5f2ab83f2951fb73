using System.Management.Automation;
using Lora.Training;

namespace Lora.Commands;

/// <summary>Takes the loss of adapters on a dataset, whole, in part, without each block in turn, or several together, or that of a model alone; nothing is trained.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "LoraAdapter", DefaultParameterSetName = AdapterCmdlet.AdapterSet, HelpUri = HelpAddress.Pages + "Measure-LoraAdapter.md")]
[OutputType(typeof(LoraMeasurement))]
public sealed class MeasureLoraAdapterCommand : MeasuringCmdlet
{
    private static readonly MeasurementOptions Defaults = new();

    private readonly List<LoraAdapter> together = [];
    private MeasurementSession? session;
    private string? model;

    /// <summary>The adapters: results, adapters in memory, objects of Get-LoraAdapter, or paths; wildcards are allowed.</summary>
    [Parameter(Position = 0, ParameterSetName = AdapterCmdlet.AdapterSet, ValueFromPipeline = true)]
    [Recorded<AdapterArgument>(Several = true)]
    [Alias("Path")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(AdapterCompleter))]
    public AdapterArgument[] Adapter { get; set; } = [];

    /// <summary>Paths of adapters, with wildcard characters standing for themselves.</summary>
    [Parameter(Mandatory = true, ParameterSetName = PathCmdlet.LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP", "FullName")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>The files to take the loss on, and folders of files.</summary>
    [Parameter]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Dataset { get; set; } = [];

    /// <summary>The base model, when the adapter does not know it; without an adapter the model that is measured.</summary>
    [Parameter]
    [Recorded<ModelArgument>]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public ModelArgument? Model { get; set; }

    /// <summary>The branch, tag or commit of a model that -Model names as a hub does.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    public string? Revision { get; set; }

    /// <summary>Globs of the adapted modules that stay on.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ModuleGlobCompleter))]
    public string[] Include { get; set; } = Defaults.Include;

    /// <summary>Globs of the adapted modules that are switched off.</summary>
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ModuleGlobCompleter))]
    public string[] Exclude { get; set; } = Defaults.Exclude;

    /// <summary>Measures once for each block that is adapted, with the adaptation of that block switched off.</summary>
    [Parameter]
    public SwitchParameter EachLayer { get; set; }

    /// <summary>Measures all piped adapters as one, on at the same time.</summary>
    [Parameter]
    public SwitchParameter Together { get; set; }

    /// <summary>Rows in one forward pass.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int BatchSize { get; set; } = Defaults.BatchSize;

    /// <summary>Tokens of a row at the most.</summary>
    [Parameter]
    [ValidateRange(2, int.MaxValue)]
    public int? MaxLength { get; set; }

    /// <summary>auto, cpu, cuda or cuda:N.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(DeviceCompleter))]
    public string Device { get; set; } = Defaults.Device;

    /// <summary>The dtype of the base weights.</summary>
    [Parameter]
    public TrainingDataType DataType { get; set; } = Defaults.DataType;

    /// <summary>Prompts that the base model and the adapted model continue.</summary>
    [Parameter]
    public string[] Prompt { get; set; } = Defaults.Prompt;

    /// <summary>Tokens of a continuation at the most.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int PromptToken { get; set; } = Defaults.PromptToken;

    /// <summary>Threads that compute.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Thread { get; set; }

    /// <summary>Gives the model the vocabulary of an adapter that was trained on a resized one.</summary>
    [Parameter]
    public SwitchParameter ResizeVocabulary { get; set; }

    /// <inheritdoc/>
    protected override void BeginWork()
    {
        PathResolver paths = new(this);
        model = BaseModel.Named(Model, Revision, paths);
        TrainingData data = Data(Dataset, paths) ?? throw LoraException.Of(LoraError.DatasetNotGiven, null, "neither by -Dataset nor by -Row");
        // One for the whole pipeline: the model and the rows are the same for every adapter.
        session = new(data, new()
        {
            Include = Include,
            Exclude = Exclude,
            EachLayer = EachLayer,
            BatchSize = BatchSize,
            Data = Rows(paths),
            MaxLength = MaxLength,
            Device = Device,
            DataType = DataType,
            Prompt = Prompt,
            PromptToken = PromptToken,
            Thread = Thread,
            ResizeVocabulary = ResizeVocabulary,
        });
    }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        if (ParameterSetName == AdapterCmdlet.AdapterSet && Adapter.Length == 0 && model is not null)
        {
            MeasureModel();
            return;
        }

        IEnumerable<AdapterSource> sources = ParameterSetName == PathCmdlet.LiteralPathSet
            ? AdapterSource.Each(LiteralPath, this)
            : AdapterArgument.Each(Adapter, this);
        foreach (AdapterSource source in sources)
        {
            if (Reported(() => BaseModel.Fill(source.Load(this), model, new(this))) is LoraAdapter adapter)
            {
                together.Add(adapter);
                if (!Together)
                {
                    Measure();
                }
            }
        }
    }

    /// <inheritdoc/>
    protected override void EndWork()
    {
        if (together.Count > 0)
        {
            Measure();
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            session?.Dispose();
            session = null;
        }
    }

    private void MeasureModel()
    {
        string[] ofAdapters = [nameof(Include), nameof(Exclude), nameof(EachLayer), nameof(Together), nameof(ResizeVocabulary)];
        if (Array.Find(ofAdapters, MyInvocation.BoundParameters.ContainsKey) is string given)
        {
            throw LoraException.Of(LoraError.ConfigConflict, given, $"-{given} is about an adapter, and a model without one is measured");
        }

        Measure([]);
    }

    private void Measure()
    {
        LoraAdapter[] adapters = [.. together];
        // Before measuring: one that fails must not be measured once more with the next.
        together.Clear();
        Measure(adapters);
    }

    private void Measure(LoraAdapter[] adapters) => RunOnWorker(
        adapters.Length == 0 ? "Measuring model" : "Measuring LoRA adapter",
        (worker, cancellation) => session!.Measure(adapters, adapters.Length == 0 ? model : null, new MeasurementReport(worker), cancellation));
}

/// <summary>Shows measuring in the shell: what any work shows, and each measurement as it is done.</summary>
/// <param name="worker">Carries what is said to the pipeline's thread.</param>
internal sealed class MeasurementReport(PipelineWorker worker) : WorkReport(worker), IMeasurementObserver
{
    /// <inheritdoc/>
    public void OnMeasured(LoraMeasurement done)
    {
        // A part of an adapter is compared with the whole, and has columns of its own in Lora.Format.ps1xml.
        PSObject shown = new(done);
        if (done.Without is not null)
        {
            shown.TypeNames.Insert(0, $"{typeof(LoraMeasurement).FullName}#Part");
        }

        Worker.Write(new PipelineRecord.Output(shown));
    }
}
