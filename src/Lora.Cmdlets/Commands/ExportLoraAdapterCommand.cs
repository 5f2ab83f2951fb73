using System.Management.Automation;
using Lora.Adapters;

namespace Lora.Commands;

/// <summary>Writes an adapter as PEFT writes it: adapter_config.json, adapter_model.safetensors and a model card.</summary>
[Cmdlet(VerbsData.Export, "LoraAdapter", SupportsShouldProcess = true, HelpUri = HelpAddress.Commands)]
[OutputType(typeof(DirectoryInfo))]
public sealed class ExportLoraAdapterCommand : LoraCmdlet
{
    private readonly HashSet<string> destinations = new(StringComparer.Ordinal);

    /// <summary>The adapter, or a training result that has one.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public LoraAdapter Adapter { get; set; } = null!;

    /// <summary>The folder to write; it is made when it is not there.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string Path { get; set; } = "";

    /// <summary>Overwrites an adapter that is there.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Gives the folder.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        string folder = new PathResolver(this).Destination(Path, literal: false);
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
