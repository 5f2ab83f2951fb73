using System.Management.Automation;
using Lora.Export;

namespace Lora.Commands;

/// <summary>Writes a model with an adapter added to its weights, from file to file.</summary>
[Cmdlet(VerbsData.Export, "LoraModel", DefaultParameterSetName = PathSet, SupportsShouldProcess = true, HelpUri = HelpAddress.Pages + "Export-LoraModel.md")]
[OutputType(typeof(DirectoryInfo))]
public sealed class ExportLoraModelCommand : ExportCmdlet
{
    /// <summary>The base model, when the adapter does not know it.</summary>
    [Parameter]
    [Recorded<ModelArgument>]
    public ModelArgument? Model { get; set; }

    /// <inheritdoc/>
    protected override bool Export(LoraAdapter adapter, string folder)
    {
        PathResolver paths = new(this);
        string model = BaseModel.Of(BaseModel.Named(Model, paths), paths, adapter.Config);
        bool isAllowed = ShouldProcess(folder, $"Export '{model}' with the adapter added");
        if (isAllowed)
        {
            RunOnWorker("Writing merged model", (worker, cancellation) =>
            {
                worker.LastWord = $"The export was stopped: nothing was written to '{folder}'.";
                ModelMerge.Write(adapter, model, folder, Force, worker, cancellation);
            });
        }

        return isAllowed;
    }
}
