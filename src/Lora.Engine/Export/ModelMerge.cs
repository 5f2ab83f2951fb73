using System.Diagnostics;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Native;
using Lora.Text;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>
/// Writes a base model with an adapter added to its weights. It goes from file to file and never holds the model: memory is needed for
/// about three times the largest adapted tensor in float32.
/// </summary>
/// <remarks>
/// It takes an adapter as PEFT writes it and a model's files and gives a folder that any program loads as an ordinary model. Tensor after tensor is
/// read, added to and written in the order of the file, into a folder beside the target that takes its place when all is well.
/// </remarks>
public static class ModelMerge
{
    /// <summary>
    /// Writes the merged model: the base's files with their names, shards, dtypes and order. Sums are taken in float32 and rounded once;
    /// tensors that the adapter leaves alone, the index, config.json, the tokenizer and the other files of the folder are the same bytes. An adapter that was
    /// trained with another chat template than the model's brings it along.
    /// </summary>
    /// <param name="adapter">The adapter, as PEFT writes it.</param>
    /// <param name="model">The base model: a folder, a .safetensors file, or a shard index.</param>
    /// <param name="folder">The folder to write: all of it or, on failure, nothing.</param>
    /// <param name="options">What may be written otherwise; null for the defaults.</param>
    /// <param name="progress">Told of the bytes that are written.</param>
    /// <param name="cancellation">Ends the work before the next tensor.</param>
    /// <returns>What was written, and how it was proven.</returns>
    /// <exception cref="LoraException">Everything that keeps the adapter from being merged, before anything is written: AdapterWeightsInvalid,
    /// MergeRefused, OutputExists, or a damaged base model. MergeRefused too for a sum that is not finite; ExportDiffers: what was written is not the
    /// base with the adapter; OutputFailed: the system refused to write.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled; nothing is left of it.</exception>
    public static LoraModelExport Write(
        LoraAdapter adapter, string model, string folder, ModelMergeOptions? options = null, IProgress<WorkProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        using Checkpoint checkpoint = Checkpoint.Open(model);
        options ??= new();
        List<LoraProblem> problems = [.. MergeDestination.Problems(checkpoint, folder, options.Overwrite)];
        FittedAdapter fitted = Fitted(adapter, model, options, problems);
        ModuleTree tree = ModuleTree.Of(checkpoint, underHead: MergedHead.IsOfClassifier(adapter.Config));
        MergePlan plan = MergePlan.Make(fitted.Adapter, checkpoint, tree, new(tree, fitted.Vocabulary, options.Untie, MergedHead.Of(fitted.Adapter, checkpoint, tree)), problems);
        (string File, string? WhyForeign)[] found = [.. Companions(checkpoint, plan.Layout).Select(file => (file, ModelFiles.WhyForeign(file, checkpoint)))];
        string[] companions = [.. found.Where(file => file.WhyForeign is null).Select(file => file.File)];
        MergedTemplate template = MergedTemplate.Of(adapter, companions);
        problems.AddRange(MergeDestination.Problems(template.Files, folder, options.Overwrite));
        LoraException.ThrowIfAny(problems);
        foreach ((string file, string? why) in found.Where(file => file.WhyForeign is not null))
        {
            (options.Warn ?? (text => Trace.TraceWarning(text)))($"'{file}' is left out: it is {why}.");
        }

        TorchLibrary.Load();
        using ThreadCount threads = ThreadCount.Use(options.Thread);
        using IDisposable noGradient = no_grad();
        using AllocatorTuning tuning = AllocatorTuning.KeepFreedPieces();
        try
        {
            using StagedFolder stage = new(folder, options.Warn);
            WriteWeights(checkpoint, plan, stage, progress, cancellation);
            WriteCompanions(companions.Where(file => !MergeDestination.Keeps(Path.Combine(folder, Path.GetFileName(file)))), plan.Layout, template, stage);

            // Before it takes its place: what is there stays unless what comes is right.
            LoraExportVerification verification = options.SkipVerification
                ? LoraExportVerification.Skipped
                : new ExportProof(fitted, checkpoint, options, progress, cancellation).OfFolder(stage.PathOf(""));
            MergedCard.Write(adapter, checkpoint, tree.ModelType, verification, folder, stage);
            long size = Directory.EnumerateFiles(stage.PathOf(""), "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);
            stage.Publish(ModelFiles.Weights(folder));
            return new() { Path = folder, Size = size, Verification = verification, Note = fitted.Note is null ? [] : [fitted.Note] };
        }
        catch (Exception exception) when (AtomicFile.IsRefusal(exception))
        {
            throw LoraException.From(exception, LoraError.OutputFailed, folder, folder, exception.Message);
        }
    }

    private static void WriteWeights(
        Checkpoint checkpoint, MergePlan plan, StagedFolder stage, IProgress<WorkProgress>? progress, CancellationToken cancellation)
    {
        string root = RootOf(checkpoint);
        long total = checkpoint.Files.Sum(RegularFile.Length);
        long done = 0;
        MergedFile writer = new(checkpoint, plan, (bytes, name) => progress?.Report(new("Writing", done += bytes, total, WorkUnit.Byte, name)));
        foreach (string file in checkpoint.Files)
        {
            string target = stage.PathOf(Path.GetRelativePath(root, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            writer.Write(file, target, cancellation);
        }

        if (checkpoint.Index is string index && plan.Layout.IsBases)
        {
            File.Copy(index, stage.PathOf(Path.GetFileName(index)));
        }
        else if (checkpoint.Index is string changed)
        {
            TensorInfo[] tensors = [.. plan.Layout.Of(checkpoint.Tensors)];
            Dictionary<string, string> added = tensors.Where(tensor => !checkpoint.TryFind(tensor.Name, out _))
                .ToDictionary(tensor => tensor.Name, tensor => Path.GetRelativePath(root, tensor.File).Replace('\\', '/'));
            stage.WriteText(Path.GetFileName(changed), ModelJson.Index(changed, added, tensors.Sum(tensor => tensor.Length) - checkpoint.Tensors.Sum(tensor => tensor.Length)));
        }
    }

    /// <summary>The files that go with the weights; a tokenizer of the adapter's comes in place of the model's when it is for another vocabulary.</summary>
    private static IEnumerable<string> Companions(Checkpoint checkpoint, MergedLayout layout)
    {
        string? tokenizer = layout.Vocabulary?.Tokenizer;
        IEnumerable<string> files = checkpoint.Folder is string source ? ModelFiles.Companions(source).Where(file => tokenizer is null || !ModelFiles.IsOfTokenizer(file)) : [];
        return tokenizer is null ? files : files.Concat(Directory.GetFiles(tokenizer).Where(ModelFiles.IsOfTokenizer));
    }

    private static void WriteCompanions(IEnumerable<string> files, MergedLayout layout, MergedTemplate template, StagedFolder stage)
    {
        template.Write(stage);
        string[] all = [.. files];
        string? tokenizer = all.FirstOrDefault(file => ModelFiles.IsOfTokenizer(file) && Path.GetFileName(file) == "tokenizer.json");
        (string Name, string Text)[] added = layout.Vocabulary is { NewToken.Count: > 0 } vocabulary && tokenizer is not null
            ? [.. AddedTokenFiles.Of(Path.GetDirectoryName(tokenizer)!, vocabulary.NewToken).Where(file => !template.Writes(file.Name))]
            : [];
        foreach ((string name, string text) in added)
        {
            stage.WriteText(name, text);
        }

        foreach (string file in all)
        {
            string name = Path.GetFileName(file);
            if (template.Writes(name) || added.Any(written => written.Name == name))
            {
                continue;
            }

            if (name == ModelFiles.Config && (layout.Vocabulary is not null || layout.IsUntied || layout.Head is not null))
            {
                stage.WriteText(name, ModelJson.Config(file, layout));
            }
            else
            {
                File.Copy(file, stage.PathOf(name));
            }
        }
    }

    /// <summary>The adapter as it goes onto the model; when it does not fit, the reasons are noted and it is as it was.</summary>
    internal static FittedAdapter Fitted(LoraAdapter adapter, string model, ModelMergeOptions options, List<LoraProblem> problems)
    {
        try
        {
            return FittedAdapter.Of(adapter, model, options.ResizeVocabulary);
        }
        catch (LoraException exception)
        {
            problems.AddRange(exception.Problems);
            return new(adapter, null, [], null);
        }
    }

    private static string RootOf(Checkpoint checkpoint) => checkpoint.Folder ?? Path.GetDirectoryName(checkpoint.Path)!;
}
