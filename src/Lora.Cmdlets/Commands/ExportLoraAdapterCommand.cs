using System.Management.Automation;
using Lora.Adapters;

namespace Lora.Commands;

/// <summary>Writes an adapter as PEFT writes it: adapter_config.json, adapter_model.safetensors and a model card.</summary>
[Cmdlet(
    VerbsData.Export, "LoraAdapter", DefaultParameterSetName = PathSet, SupportsShouldProcess = true, HelpUri = HelpAddress.Pages + "Export-LoraAdapter.md")]
[OutputType(typeof(DirectoryInfo))]
public sealed class ExportLoraAdapterCommand : ExportCmdlet
{
    /// <inheritdoc/>
    protected override bool Export(LoraAdapter adapter, string folder)
    {
        bool isAllowed = ShouldProcess(folder, "Export adapter");
        if (isAllowed)
        {
            RunOnWorker(
                "Writing LoRA adapter",
                (worker, _) => AdapterFolder.Save(adapter, folder, Force, text => worker.Write(new PipelineRecord.Warning(text)), worker));
        }

        return isAllowed;
    }
}
