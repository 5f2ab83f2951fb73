using System.Management.Automation;
using Lora.Export;

namespace Lora.Commands;

/// <summary>Writes a model with an adapter added to its weights, from file to file.</summary>
[Cmdlet(VerbsData.Export, "LoraModel", DefaultParameterSetName = PathSet, SupportsShouldProcess = true, HelpUri = HelpAddress.Pages + "Export-LoraModel.md")]
[OutputType(typeof(LoraModelExport))]
public sealed class ExportLoraModelCommand : ExportCmdlet
{
    private const string FileEnding = ".gguf";

    private LoraModelExport? written;

    /// <summary>The form to write: a folder in the Hugging Face layout, llama.cpp's file, or a folder for Ollama.</summary>
    [Parameter]
    public LoraModelFormat Format { get; set; }

    /// <summary>What values are stored in by -Format Gguf and Ollama.</summary>
    [Parameter]
    public LoraTensorType TensorType { get; set; } = LoraTensorType.F16;

    /// <summary>The base model, when the adapter does not know it.</summary>
    [Parameter]
    [Recorded<ModelArgument>]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public ModelArgument? Model { get; set; }

    /// <summary>The branch, tag or commit of a model that -Model names as a hub does.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    public string? Revision { get; set; }

    /// <summary>Gives a head that shares the embedding's weight its own.</summary>
    [Parameter]
    public SwitchParameter Untie { get; set; }

    /// <summary>Takes over the adapter's vocabulary, where that is another one than the model's.</summary>
    [Parameter]
    public SwitchParameter ResizeVocabulary { get; set; }

    /// <summary>Leaves out the proof that the written model is the base with the adapter.</summary>
    [Parameter]
    public SwitchParameter SkipVerification { get; set; }

    /// <summary>Files whose first rows the proof is made on, in place of a text of the module's own.</summary>
    [Parameter]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Dataset { get; set; } = [];

    /// <summary>The system message of every conversation in Ollama.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? SystemPrompt { get; set; }

    /// <summary>Threads that compute.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Thread { get; set; }

    /// <inheritdoc/>
    protected override void BeginWork()
    {
        if (SkipVerification && Dataset.Length > 0)
        {
            throw LoraException.Of(LoraError.ConfigConflict, Dataset, "-Dataset names rows for the proof that -SkipVerification leaves out");
        }

        if (Format == LoraModelFormat.HuggingFace && MyInvocation.BoundParameters.ContainsKey(nameof(TensorType)))
        {
            throw LoraException.Of(LoraError.ConfigConflict, TensorType, "-TensorType belongs to -Format Gguf and Ollama; a folder in the Hugging Face layout has the data types of the base model");
        }

        if (Format != LoraModelFormat.Ollama && SystemPrompt is not null)
        {
            throw LoraException.Of(LoraError.ConfigConflict, SystemPrompt, $"-SystemPrompt belongs to -Format Ollama, and -Format is {Format}");
        }
    }

    /// <inheritdoc/>
    protected override string Written(string place) => Format == LoraModelFormat.Gguf ? WithEnding(place, FileEnding) : place;

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        // An empty pipeline is one of adapters, of which there are none: it does not mean the model without one.
        bool hasAdapter = MyInvocation.ExpectingInput || MyInvocation.BoundParameters.ContainsKey(nameof(Adapter));
        if (hasAdapter || Model?.Value is null)
        {
            base.ProcessInput();
        }
        else if (Format != LoraModelFormat.Gguf)
        {
            throw LoraException.Of(LoraError.AdapterNotGiven, Model.Value, $", which -Format {Format} adds to the weights of '{Model.Value}'; -Format Gguf writes a model without one too");
        }
        else
        {
            RefuseInVain(nameof(ResizeVocabulary));
            PathResolver paths = new(this);
            string place = Place;
            if (Export(null, BaseModel.Named(Model, Revision, paths)!, place) && PassThru)
            {
                Give(place);
            }
        }
    }

    /// <inheritdoc/>
    protected override bool Export(LoraAdapter adapter, string folder)
    {
        PathResolver paths = new(this);
        return Export(adapter, BaseModel.Of(BaseModel.Named(Model, Revision, paths), paths, adapter.Config), folder);
    }

    /// <summary>Refuses what is about an adapter where there is none.</summary>
    private void RefuseInVain(params string[] names)
    {
        foreach (string name in names.Where(MyInvocation.BoundParameters.ContainsKey))
        {
            throw LoraException.Of(LoraError.ConfigConflict, name, $"-{name} is about an adapter, and a model without one is written");
        }
    }

    private bool Export(LoraAdapter? adapter, string model, string place)
    {
        IReadOnlyList<string> rows = new PathResolver(this).All(Dataset);
        bool isAllowed = ShouldProcess(place, adapter is null ? $"Export '{model}'" : $"Export '{model}' with the adapter added");
        if (isAllowed)
        {
            RunOnWorker(adapter is null ? "Writing model" : "Writing merged model", (worker, cancellation) =>
            {
                worker.LastWord = $"The export was stopped: nothing was written to '{place}'.";
                ModelMergeOptions options = new()
                {
                    Overwrite = Force,
                    Untie = Untie,
                    ResizeVocabulary = ResizeVocabulary,
                    SkipVerification = SkipVerification,
                    Dataset = rows,
                    Thread = Thread,
                    Warn = text => worker.Write(new PipelineRecord.Warning(text)),
                };
                written = Format switch
                {
                    LoraModelFormat.Gguf => GgufModel.Write(adapter, model, place, TensorType, options, worker, cancellation),
                    LoraModelFormat.Ollama => OllamaModel.Write(adapter!, model, place, TensorType, SystemPrompt, options, worker, cancellation),
                    _ => ModelMerge.Write(adapter!, model, place, options, worker, cancellation),
                };
                // It is written now: a stop that comes from here on must not say otherwise.
                worker.LastWord = null;
                Array.ForEach(written.Note, note => worker.Write(new PipelineRecord.Verbose(note)));
                string proof = $"The model in '{place}' was {written.Verification}.";
                worker.Write(written.Verification.Outcome == LoraExportOutcome.Unverified ? new PipelineRecord.Warning(proof) : new PipelineRecord.Verbose(proof));
            });
        }

        return isAllowed;
    }

    /// <inheritdoc/>
    private protected override void Give(string place) => WriteObject(written);
}
