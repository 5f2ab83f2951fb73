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
        ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja"];

    /// <summary>Weights of formats that are not written.</summary>
    private static readonly string[] OtherWeights = [".gguf", ".h5", ".msgpack", ".onnx", ".npz", ".tflite"];

    /// <summary>What goes with the weights: configuration, tokenizer, licence, card; without other weights and without adapters.</summary>
    public static IEnumerable<string> Companions(string folder) => Directory.GetFiles(folder)
        .Where(path => !IsWeight(path) && !PickleFile.HasItsName(path) && !OtherWeights.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase))
        .Where(path => Path.GetFileName(path) != Adapters.AdapterConfigJson.FileName)
        .Order(StringComparer.Ordinal);

    /// <summary>Whether a file is one of a tokenizer's.</summary>
    public static bool IsOfTokenizer(string path) => Tokenizer.Contains(Path.GetFileName(path));

    /// <summary>The safetensors files and indices of a folder.</summary>
    public static IEnumerable<string> Weights(string folder) => Directory.Exists(folder) ? Directory.GetFiles(folder).Where(IsWeight) : [];

    /// <summary>Whether a folder holds a model, or a part of one.</summary>
    public static bool HasModel(string folder) => Weights(folder).Any() || File.Exists(Path.Combine(folder, Config));

    private static bool IsWeight(string path) =>
        path.EndsWith(Safetensors, StringComparison.OrdinalIgnoreCase) || path.EndsWith(Index, StringComparison.OrdinalIgnoreCase);
}
