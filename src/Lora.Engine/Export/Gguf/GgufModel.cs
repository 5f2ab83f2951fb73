using System.Diagnostics;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Export;

/// <summary>
/// Writes a model, with an adapter added to its weights or without, as the one file that llama.cpp and what is built on it run. It goes from file to file
/// and never holds the model: what only changes its form goes through in pieces, and memory is needed for about three times the largest matrix that the adapter
/// changes or that stands in another order there, in float32.
/// </summary>
public static class GgufModel
{
    // The version of the forms of blocks, which llama.cpp asks for in files that have some.
    private const uint QuantizationVersion = 2;

    /// <summary>Writes the file, with the tokenizer and the chat template of the model's folder.</summary>
    /// <param name="adapter">The adapter, as PEFT writes it; null for the base model as it is.</param>
    /// <param name="model">The base model's folder.</param>
    /// <param name="path">The file to write: all of it or, on failure, what was there.</param>
    /// <param name="type">What values are stored in.</param>
    /// <param name="options">What may be written otherwise; null for the defaults.</param>
    /// <param name="progress">Told of the bytes that are written.</param>
    /// <param name="cancellation">Ends the work before the next piece.</param>
    /// <returns>What was written, and how it was proven.</returns>
    /// <exception cref="LoraException">Everything that keeps the model from being written, before anything is: GgufRefused, what <see cref="ModelMerge.Write"/> throws.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled; nothing is left of it.</exception>
    public static LoraModelExport Write(
        LoraAdapter? adapter,
        string model,
        string path,
        LoraTensorType type,
        ModelMergeOptions? options = null,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(path);
        return WriteWithTokens(adapter, model, path, type, GgufVocabulary.Of, options, progress, cancellation);
    }

    /// <summary>Writes the file.</summary>
    /// <param name="adapter">The adapter, as PEFT writes it; null for the base model as it is.</param>
    /// <param name="model">The base model's folder.</param>
    /// <param name="path">The file to write: all of it or, on failure, what was there.</param>
    /// <param name="type">What values are stored in.</param>
    /// <param name="vocabulary">Reads the tokenizer of a folder: <see cref="GgufVocabulary.Of"/>.</param>
    /// <param name="options">What may be written otherwise; null for the defaults.</param>
    /// <param name="progress">Told of the bytes that are written.</param>
    /// <param name="cancellation">Ends the work before the next piece.</param>
    /// <returns>What was written, and how it was proven.</returns>
    /// <exception cref="LoraException">Everything that keeps the model from being written, before anything is: GgufRefused, what <see cref="ModelMerge.Write"/> throws.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled; nothing is left of it.</exception>
    internal static LoraModelExport WriteWithTokens(
        LoraAdapter? adapter,
        string model,
        string path,
        LoraTensorType type,
        Func<string, int, IReadOnlyList<string>, string?, GgufVocabulary> vocabulary,
        ModelMergeOptions? options = null,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        options ??= new();
        GgufFile.CheckPlace(path, options.Overwrite);
        using Checkpoint checkpoint = Checkpoint.Open(model);
        string folder = checkpoint.Folder ?? Path.GetDirectoryName(checkpoint.Path)!;
        List<LoraProblem> problems = [];
        FittedAdapter? fitted = adapter is null ? null : ModelMerge.Fitted(adapter, model, options, problems);
        TaskShape shape = TaskReader.Read(folder, adapter?.Config.TaskType, adapter?.Labels?.Known, adapter?.Labels).With(fitted?.Vocabulary);
        GgufArchitecture architecture = GgufShape.ArchitectureOf(shape, folder);
        problems.AddRange(GgufLimits.Obstacles(shape, architecture).Select(reason => new LoraProblem(LoraError.GgufRefused, folder, folder, reason)));
        LoraException.ThrowIfAny(problems); // what follows asks for tensors by a shape that is right

        TorchLibrary.Load();
        using ThreadCount threads = ThreadCount.Use(options.Thread);
        using IDisposable noGradient = no_grad();
        using AllocatorTuning tuning = AllocatorTuning.KeepFreedPieces();
        ModuleTree tree = ModuleTree.Of(checkpoint, underHead: shape is EncoderShape);
        MergedLayout layout = new(tree, fitted?.Vocabulary, options.Untie, fitted is null ? null : MergedHead.Of(fitted.Adapter, checkpoint, tree));
        MergePlan changes = fitted is null ? MergePlan.Unchanged(layout) : MergePlan.Make(fitted.Adapter, checkpoint, tree, layout, problems);
        GgufModelPlan plan = new(shape, architecture, tree, layout, type, problems);
        LoraException.ThrowIfAny(problems);
        GgufVocabulary tokens = vocabulary(layout.Vocabulary?.Tokenizer ?? folder, shape.VocabularySize, layout.Vocabulary?.NewToken ?? [], adapter?.ChatTemplate);
        foreach (string note in GgufLimits.Notes(shape, architecture).Concat(tokens.Notes))
        {
            (options.Warn ?? (text => Trace.TraceWarning(text)))(note);
        }

        int all = get_num_threads();
        using ThreadCount one = ThreadCount.Use(1); // merging, on this thread, goes on beside converting on the others
        using GgufTensorValues values = new(checkpoint, new(checkpoint, changes), all);
        GgufProgress bytes = new(progress, "Writing", plan.Tensors.Sum(tensor => tensor.Length));
        LoraExportVerification verification = LoraExportVerification.Skipped;
        GgufFile.MakeFolder(path);
        GgufWriter.Write(
            path,
            [.. General(architecture, folder, type, plan), .. GgufHyperparameters.Of(shape, architecture), .. tokens.Fields],
            plan.Tensors,
            (tensor, stream) =>
            {
                values.Write(plan.Find(tensor.Name), tensor.Type, stream, cancellation);
                bytes.Add(tensor.Length, tensor.Name);
            },
            written => verification = Verified(written));
        return new() { Path = path, Size = new FileInfo(path).Length, Verification = verification, Note = fitted?.Note is null ? [] : [fitted.Note] };

        // Before it takes its place: what is there stays unless what comes is right.
        LoraExportVerification Verified(string written)
        {
            using ThreadCount many = ThreadCount.Use(all);
            return options.SkipVerification ? LoraExportVerification.Skipped : new ExportProof(fitted ?? ExportProof.NoAdapter, checkpoint, options, progress, cancellation).Of(known =>
            {
                GgufModelValues read = new(written, plan);
                return (known, read, read);
            });
        }
    }

    private static IEnumerable<GgufField> General(GgufArchitecture architecture, string folder, LoraTensorType type, GgufModelPlan plan)
    {
        yield return new("general.architecture", GgufValue.Of(architecture.Name));
        yield return new("general.type", GgufValue.Of("model"));
        yield return new("general.name", GgufValue.Of(Path.GetFileName(folder)));
        yield return new("general.file_type", GgufValue.Of(GgufTypeMix.FileType(type)));
        if (plan.Tensors.Any(tensor => tensor.Type.Block().Values > 1))
        {
            yield return new("general.quantization_version", GgufValue.Of(QuantizationVersion));
        }
    }
}
