namespace Lora.Checkpoints;

/// <summary>The files that a path stands for: a model's folder, a safetensors file or a shard index.</summary>
/// <param name="Folder">The model's folder; null when the path is one safetensors file.</param>
/// <param name="Files">The full paths of the safetensors files.</param>
/// <param name="Index">The shard index that names the files; null without one.</param>
internal sealed record CheckpointFiles(string? Folder, IReadOnlyList<string> Files, ShardIndex? Index)
{
    private const string IndexSuffix = ".safetensors.index.json";
    private const string GgufEnding = ".gguf";

    /// <summary>The names that a model's weights have, most preferred first; the order is that of the reference loaders.</summary>
    private static readonly string[] Names =
    [
        "model.safetensors",
        "model" + IndexSuffix,
        "diffusion_pytorch_model.safetensors",
        "diffusion_pytorch_model" + IndexSuffix,
    ];

    /// <summary>Files that lie in model folders too, but hold an adapter.</summary>
    private static readonly string[] AdapterNames = ["adapter_model.safetensors", "pytorch_lora_weights.safetensors"];

    /// <summary>Finds the files; a path that names nothing, a pickle or a folder without a model is refused.</summary>
    public static CheckpointFiles Locate(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Directory.Exists(path))
        {
            // A process may have died between two renames, with the files half replaced.
            FolderChange.Finish(path);
            return OfFolder(Path.GetFullPath(path));
        }

        if (!File.Exists(path))
        {
            throw LoraException.Of(LoraError.PathNotFound, path, path);
        }

        if (PickleFile.HasItsName(path))
        {
            throw LoraException.Of(LoraError.PickleRefused, path, path, Path.GetExtension(path));
        }

        RefuseGguf(path);
        string file = Path.GetFullPath(path);
        return path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? OfIndex(file) : new(null, [file], null);
    }

    /// <summary>Refuses llama.cpp's file, which is written here and not computed: another model may lie beside it.</summary>
    /// <exception cref="LoraException">NotAModel.</exception>
    public static void RefuseGguf(string path)
    {
        if (Path.GetExtension(path).Equals(GgufEnding, StringComparison.OrdinalIgnoreCase))
        {
            throw LoraException.Of(LoraError.NotAModel, path, path, "GGUF files are for llama.cpp; here the folder is read that it was made from");
        }
    }

    /// <summary>The file that a folder's model begins with, a safetensors file or a shard index; null where its name does not tell it.</summary>
    /// <param name="names">The names of the folder's files.</param>
    public static string? Preferred(IReadOnlyCollection<string> names) =>
        Names.FirstOrDefault(names.Contains) ?? names.Order(StringComparer.Ordinal).FirstOrDefault(IsIndex);

    /// <summary>Whether a file is a shard index.</summary>
    public static bool IsIndex(string name) => name.EndsWith(IndexSuffix, StringComparison.OrdinalIgnoreCase);

    /// <summary>The safetensors files of a model where their names do not tell which it begins with: all that hold no adapter.</summary>
    public static string[] Unnamed(IEnumerable<string> files) => ShardNumbers.WithoutConsolidated([.. files.Where(IsModelFile)]);

    private static CheckpointFiles OfFolder(string folder)
    {
        string[] files = FilesOf(folder);
        if (Preferred([.. files.Select(file => Path.GetFileName(file))]) is string preferred)
        {
            string path = Path.Combine(folder, preferred);
            return IsIndex(preferred) ? OfIndex(path) : new(folder, [path], null);
        }

        string[] tensors = Unnamed(files);
        // At the root of a pipeline each file is a whole model, not a shard of one.
        if (tensors.Length > 1 && File.Exists(Path.Combine(folder, FolderHint.Pipeline)))
        {
            throw LoraException.Of(LoraError.SeveralModels, folder, folder, string.Join(", ", tensors.Select(Path.GetFileName)));
        }

        if (tensors.Length > 0)
        {
            LoraException.ThrowIfAny([.. ShardNumbers.Missing(tensors).Select(name => new LoraProblem(LoraError.ShardMissing, folder, folder, name))]);
            return new(folder, tensors, null);
        }

        string[] pickles = [.. files.Where(PickleFile.HasItsName).Select(file => Path.GetFileName(file))];
        throw pickles.Length > 0 && !files.Any(file => file.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
            ? LoraException.Of(LoraError.PickleRefused, folder, folder, string.Join(", ", pickles))
            : LoraException.Of(LoraError.NoSafetensors, folder, folder, FolderHint.Of(folder, pickles));
    }

    private static CheckpointFiles OfIndex(string path)
    {
        ShardIndex index = ShardIndex.Read(path);
        string[] shards = [.. index.Shards.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return new(Path.GetDirectoryName(path), shards, index);
    }

    private static string[] FilesOf(string folder)
    {
        try
        {
            string[] files = Directory.GetFiles(folder);
            // A file system lists them in an order of its own.
            Array.Sort(files, StringComparer.Ordinal);
            return files;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.FileUnreadable, folder, folder, exception.Message);
        }
    }

    private static bool IsModelFile(string file) =>
        file.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)
        && !AdapterNames.Contains(Path.GetFileName(file), StringComparer.OrdinalIgnoreCase);
}
