using System.Management.Automation;
using Lora.Adapters;
using Lora.Training;

namespace Lora.Commands;

/// <summary>Takes the loss of adapters on a dataset, whole, in part, without each block in turn, or several together; nothing is trained.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "LoraAdapter", DefaultParameterSetName = AdapterSet, HelpUri = HelpAddress.Commands)]
[OutputType(typeof(LoraMeasurement))]
public sealed class MeasureLoraAdapterCommand : AsyncLoraCmdlet
{
    private const string AdapterSet = "Adapter";
    private const string PathSet = "Path";

    private static readonly MeasurementOptions Defaults = new();

    private readonly List<LoraAdapter> together = [];
    private MeasurementSession? session;
    private string? model;

    /// <summary>The adapter, or a training result that has one.</summary>
    [Parameter(ParameterSetName = AdapterSet, Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public LoraAdapter Adapter { get; set; } = new();

    /// <summary>The folder of an adapter; objects of Get-LoraAdapter bind to it.</summary>
    [Parameter(ParameterSetName = PathSet, Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Path", "FullName")]
    public string AdapterPath { get; set; } = "";

    /// <summary>The JSON Lines file to take the loss on.</summary>
    [Parameter(Mandatory = true)]
    public string Dataset { get; set; } = "";

    /// <summary>The base model's folder, when the adapter does not know it.</summary>
    [Parameter]
    public string? Model { get; set; }

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
    public int MaxLength { get; set; } = Defaults.MaxLength;

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

    /// <inheritdoc/>
    protected override void BeginWork()
    {
        PathResolver paths = new(this);
        model = Model is null ? null : paths.One(Model);
        session = new(paths.One(Dataset), new()
        {
            Include = Include,
            Exclude = Exclude,
            EachLayer = EachLayer,
            BatchSize = BatchSize,
            MaxLength = MaxLength,
            Device = Device,
            DataType = DataType,
            Prompt = Prompt,
            PromptToken = PromptToken,
        });
    }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        if (Read() is not LoraAdapter adapter)
        {
            return;
        }

        if (Together)
        {
            together.Add(adapter);
        }
        else
        {
            Measure([adapter]);
        }
    }

    /// <inheritdoc/>
    protected override void EndWork()
    {
        if (together.Count > 0)
        {
            Measure(together);
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

    /// <summary>The adapter that was given or is in the folder; null when the folder has none, which is reported.</summary>
    private LoraAdapter? Read()
    {
        try
        {
            return ParameterSetName == AdapterSet ? Adapter : AdapterFolder.Load(new PathResolver(this).One(AdapterPath));
        }
        catch (LoraException exception)
        {
            WriteError(exception);
            return null;
        }
    }

    private void Measure(IReadOnlyList<LoraAdapter> adapters) => RunOnWorker((worker, cancellation) =>
    {
        using MeasurementReport report = new(worker);
        session!.Measure(adapters, model, report, cancellation);
    });
}
