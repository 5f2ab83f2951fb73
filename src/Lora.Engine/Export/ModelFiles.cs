using Lora.Checkpoints;

namespace Lora.Export;

/// <summary>The files of a model's folder, told apart by their names.</summary>
internal static class ModelFiles
{
    private const string Safetensors = ".safetensors";
    private const string Index = ".index.json";

    /// <summary>The file of a model's shape.</summary>
    public const string Config = "config.json";

    private static readonly string[] Tokenizer =
        ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "vocab.txt", "tokenizer.model",
            "spiece.model", "sentencepiece.bpe.model", "chat_template.jinja"];

    /// <summary>Weights of formats that are not written.</summary>
    private static readonly string[] OtherWeights = [".gguf", ".h5", ".msgpack", ".onnx", ".npz", ".tflite"];

    /// <summary>What goes with the weights: configuration, tokenizer, licence, card; without other weights and without adapters.</summary>
    public static IEnumerable<string> Companions(string folder) => Directory.GetFiles(folder)
        .Where(path => !IsWeight(path) && !PickleFile.HasItsName(path) && !OtherWeights.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase))
        .Where(path => Path.GetFileName(path) != Adapters.AdapterConfigJson.FileName)
        .Order(StringComparer.Ordinal);

    /// <summary>
    /// The folders in which a model's files lie: the one that was named, and where links lead from the weights, as from a snapshot in a hub's cache to its
    /// blobs.
    /// </summary>
    public static IEnumerable<string> Places(Checkpoint checkpoint) => new[] { checkpoint.Folder ?? Path.GetDirectoryName(checkpoint.Path)! }
        .Concat(checkpoint.Files.SelectMany(file => new[] { Path.GetDirectoryName(file)!, Path.GetDirectoryName(RealPath.Of(file))! }))
        .Distinct();

    /// <summary>
    /// Why a file that goes with the weights is not the model's own, as the end of a sentence; null where it is. A link in the folder of a model from
    /// elsewhere may lead to anything, and its content would go wherever the written model goes.
    /// </summary>
    public static string? WhyForeign(string file, Checkpoint checkpoint)
    {
        try
        {
            string real = RealPath.Of(file);
            return !File.Exists(real) ? $"a link to nothing ('{real}')"
                : Places(checkpoint).Append(Path.GetDirectoryName(file)!).Any(place => real.StartsWith(RealPath.Of(place) + Path.DirectorySeparatorChar, StringComparison.Ordinal)) ? null
                : $"a link out of the model's folder, to '{real}'";
        }
        catch (IOException exception)
        {
            return exception.Message; // links that lead in a circle
        }
    }

    /// <summary>Whether a file is one of a tokenizer's.</summary>
    public static bool IsOfTokenizer(string path) => Tokenizer.Contains(Path.GetFileName(path));

    /// <summary>The safetensors files and indices of a folder.</summary>
    public static IEnumerable<string> Weights(string folder) => Directory.Exists(folder) ? Directory.GetFiles(folder).Where(IsWeight) : [];

    /// <summary>Whether a folder holds a model, or a part of one.</summary>
    /// <remarks>One that a killed process was about to put in its place is put there first.</remarks>
    public static bool HasModel(string folder)
    {
        FolderChange.Finish(folder);
        return Weights(folder).Any() || File.Exists(Path.Combine(folder, Config));
    }

    private static bool IsWeight(string path) =>
        path.EndsWith(Safetensors, StringComparison.OrdinalIgnoreCase) || path.EndsWith(Index, StringComparison.OrdinalIgnoreCase);
}
