using System.Management.Automation;
using Lora.Adapters;
using Lora.Export;

namespace Lora.Commands;

/// <summary>Writes a model with an adapter added to its weights, from file to file.</summary>
[Cmdlet(VerbsData.Export, "LoraModel", DefaultParameterSetName = AdapterSet, SupportsShouldProcess = true, HelpUri = HelpAddress.Commands)]
[OutputType(typeof(DirectoryInfo))]
public sealed class ExportLoraModelCommand : AsyncLoraCmdlet
{
    private const string AdapterSet = "Adapter";
    private const string AdapterPathSet = "AdapterPath";
    private const int ActivityId = 1705;

    private readonly HashSet<string> destinations = new(StringComparer.Ordinal);

    /// <summary>The adapter, or a training result that has one.</summary>
    [Parameter(Mandatory = true, ParameterSetName = AdapterSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public LoraAdapter Adapter { get; set; } = null!;

    /// <summary>The adapter's folder; objects of Get-LoraAdapter bind to it.</summary>
    [Parameter(Mandatory = true, ParameterSetName = AdapterPathSet, ValueFromPipelineByPropertyName = true)]
    public string? AdapterPath { get; set; }

    /// <summary>The folder to write; it is made when it is not there.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string Path { get; set; } = "";

    /// <summary>The base model's folder, when the adapter does not say it.</summary>
    [Parameter]
    public string? Model { get; set; }

    /// <summary>Overwrites a model that is there.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Gives the folder.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        PathResolver paths = new(this);
        string folder = paths.Destination(Path, literal: false);
        if (!destinations.Add(folder))
        {
            throw LoraException.Of(LoraError.OutputRepeated, folder, folder);
        }

        LoraAdapter adapter = ParameterSetName == AdapterSet ? Adapter : AdapterFolder.Load(paths.One(AdapterPath!));
        string model = paths.One(Model ?? adapter.BaseModel ?? throw LoraException.Of(LoraError.ModelNotKnown, adapter));
        if (!ShouldProcess(folder, $"Export '{model}' with the adapter added"))
        {
            return;
        }

        RunOnWorker((worker, cancellation) =>
        {
            using ProgressReporter progress = new(
                record => worker.Write(new PipelineRecord.Progress(record)), ActivityId, "Writing merged model", TimeProvider.System);
            ModelMerge.Write(adapter, model, folder, Force, progress, cancellation);
            if (PassThru)
            {
                worker.Write(new PipelineRecord.Output(new DirectoryInfo(folder)));
            }
        });
    }
}
