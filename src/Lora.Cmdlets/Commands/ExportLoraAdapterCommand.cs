using System.Management.Automation;
using Lora.Adapters;

namespace Lora.Commands;

/// <summary>Writes an adapter as PEFT writes it: adapter_config.json, adapter_model.safetensors and a model card.</summary>
[Cmdlet(VerbsData.Export, "LoraAdapter", DefaultParameterSetName = PathSet, SupportsShouldProcess = true, HelpUri = HelpAddress.Commands)]
[OutputType(typeof(DirectoryInfo))]
public sealed class ExportLoraAdapterCommand : LoraCmdlet
{
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    private readonly HashSet<string> destinations = new(StringComparer.Ordinal);

    /// <summary>The adapter, or a training result that has one.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public LoraAdapter Adapter { get; set; } = null!;

    /// <summary>The folder to write; it is made when it is not there.</summary>
    [Parameter(ParameterSetName = PathSet, Mandatory = true, Position = 0)]
    public string Path { get; set; } = "";

    /// <summary>The same, with wildcard characters standing for themselves.</summary>
    [Parameter(ParameterSetName = LiteralPathSet, Mandatory = true)]
    [Alias("PSPath", "LP")]
    public string LiteralPath { get; set; } = "";

    /// <summary>Overwrites an adapter that is there.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Gives the folder.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        bool literal = ParameterSetName == LiteralPathSet;
        string folder = new PathResolver(this).Destination(literal ? LiteralPath : Path, literal);
        if (!destinations.Add(folder))
        {
            throw LoraException.Of(LoraError.OutputRepeated, folder, folder);
        }

        if (ShouldProcess(folder, "Export adapter"))
        {
            AdapterFolder.Save(Adapter, folder, Force);
            if (PassThru)
            {
                WriteObject(new DirectoryInfo(folder));
            }
        }
    }
}
