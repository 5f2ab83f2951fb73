using System.Diagnostics;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Models;
using Lora.Text;

namespace Lora.Export;

/// <summary>Writes a folder that <c>ollama create NAME -f Modelfile</c> makes a model of: the merged model as GGUF, a Modelfile, and a card.</summary>
public static class OllamaModel
{
    private const string Weights = "model.gguf";

    /// <summary>Writes the folder.</summary>
    /// <param name="adapter">The adapter, as PEFT writes it.</param>
    /// <param name="model">The base model's folder.</param>
    /// <param name="folder">The folder to write: all of it or, on failure, nothing.</param>
    /// <param name="type">What values are stored in.</param>
    /// <param name="system">The system message of every conversation; null for none.</param>
    /// <param name="options">What may be written otherwise; null for the defaults.</param>
    /// <param name="progress">Told of the bytes that are written.</param>
    /// <param name="cancellation">Ends the work before the next piece.</param>
    /// <returns>What was written, and how it was proven.</returns>
    /// <exception cref="LoraException">OllamaRefused: no decoder that goes on with a text; OutputExists, OutputFailed, ConfigConflict for a system message that cannot be, and what <see cref="GgufModel"/> throws.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled; nothing is left of it.</exception>
    public static LoraModelExport Write(
        LoraAdapter adapter,
        string model,
        string folder,
        LoraTensorType type,
        string? system = null,
        ModelMergeOptions? options = null,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(folder);
        options ??= new();
        using Checkpoint checkpoint = Checkpoint.Open(model);
        string source = checkpoint.Folder ?? Path.GetDirectoryName(checkpoint.Path)!;
        LoraException.ThrowIfAny([.. Problems(checkpoint, folder, options.Overwrite), .. OfOtherTasks(adapter, source)]);
        string modelfile = ModelfileOf(adapter, model, source, system, options);
        try
        {
            using StagedFolder stage = new(folder, options.Warn);
            LoraModelExport weights = GgufModel.Write(adapter, model, stage.PathOf(Weights), type, options with { Overwrite = false }, progress, cancellation);
            stage.WriteText(Modelfile.Name, modelfile);
            if (!MergeDestination.Keeps(Path.Combine(folder, MergedCard.Name)))
            {
                stage.WriteText(MergedCard.Name, MergedCard.Section(adapter, checkpoint, weights.Verification) + Commands);
            }

            long size = Directory.EnumerateFiles(stage.PathOf("")).Sum(file => new FileInfo(file).Length);
            stage.Publish();
            return weights with { Path = folder, Size = size };
        }
        catch (Exception exception) when (AtomicFile.IsRefusal(exception))
        {
            throw LoraException.From(exception, LoraError.OutputFailed, folder, folder, exception.Message);
        }
    }

    private static string Commands => $"""

        ## Run it

        ```
        ollama create my-model -f {Modelfile.Name}
        ollama run my-model
        ```

        llama.cpp runs the same file: `llama-server --model {Weights}`.

        """;

    private static LoraProblem[] Problems(Checkpoint checkpoint, string folder, bool overwrite)
    {
        IEnumerable<LoraProblem> there =
            from name in new[] { Weights, Modelfile.Name }
            let file = Path.Combine(folder, name)
            where !overwrite && Path.Exists(file)
            select new LoraProblem(LoraError.OutputExists, file, file);
        LoraProblem[] known = [.. MergeDestination.Problems(checkpoint, folder, overwrite: true)];
        return known.Length > 0 ? known : [.. there];
    }

    private static LoraProblem[] OfOtherTasks(LoraAdapter adapter, string source)
    {
        TaskShape shape = TaskReader.Read(source, adapter.Config.TaskType, adapter.Labels?.Known, adapter.Labels);
        return shape is ModelShape ? []
            : [new(LoraError.OllamaRefused, source, source, $"it is of the type '{shape.ModelType}' and learned {TaskReader.PeftName(shape.Task.Kind) ?? "hidden tokens"}, and Ollama runs decoders that go on with a text (CAUSAL_LM)")];
    }

    private static string ModelfileOf(LoraAdapter adapter, string model, string source, string? system, ModelMergeOptions options)
    {
        FittedAdapter fitted = FittedAdapter.Of(adapter, model, options.ResizeVocabulary);
        Tokenizer tokenizer = fitted.Vocabulary?.ReadTokenizer(source) ?? Tokenizer.Load(source);
        string files = Path.GetDirectoryName(tokenizer.Path)!;
        ChatTemplate? template = adapter.ChatTemplate is string carried
            ? ChatTemplate.Of(ChatTemplateFiles.FileName, new Dictionary<string, string> { [ChatTemplateFiles.Default] = carried }, files)
            : ChatTemplateFiles.OfFolder(files) is null ? null : ChatTemplate.Load(files);
        GoTemplate? told = template is null ? null : GoTemplate.Of(template, tokenizer.OpeningIds is [int begin] ? tokenizer.Spell(begin) : null);
        Action<string> warn = options.Warn ?? (text => Trace.TraceWarning(text));
        if (template is not null && told is null)
        {
            warn("The chat template does more than write message after message, which a TEMPLATE of a Modelfile cannot say here: it is in the GGUF file, and Ollama takes the one of its own that is most like it, or none. See how it answers.");
        }

        if (system is not null && told is { HasSystem: false })
        {
            throw LoraException.Of(LoraError.ConfigConflict, system, "a system message was given, and the model's chat template writes none");
        }

        IReadOnlyList<int> ends = [];
        if (template is not null)
        {
            try
            {
                ends = new ChatEncoder(template, tokenizer, new(), TimeProvider.System).EndIds;
            }
            catch (LoraException)
            {
                // A template that refuses what it is tried with says nothing of ends; those of generation_config.json count.
            }
        }

        return Modelfile.Of(Weights, source, tokenizer, told, ends, system);
    }
}
