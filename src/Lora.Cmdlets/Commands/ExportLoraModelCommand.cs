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

    /// <summary>Gives a head that shares the embedding's weight its own.</summary>
    [Parameter]
    public SwitchParameter Untie { get; set; }

    /// <summary>Takes over the adapter's vocabulary, where that is another one than the model's.</summary>
    [Parameter]
    public SwitchParameter ResizeVocabulary { get; set; }

    /// <summary>Threads that compute.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Thread { get; set; }

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
                ModelMergeOptions options = new()
                {
                    Overwrite = Force,
                    Untie = Untie,
                    ResizeVocabulary = ResizeVocabulary,
                    Thread = Thread,
                    Warn = text => worker.Write(new PipelineRecord.Warning(text)),
                };
                foreach (string note in ModelMerge.Write(adapter, model, folder, options, worker, cancellation))
                {
                    worker.Write(new PipelineRecord.Verbose(note));
                }
            });
        }

        return isAllowed;
    }
}
