using Lora.Checkpoints;
using Microsoft.Extensions.FileSystemGlobbing;

namespace Lora.Hub;

/// <summary>
/// Which files of a model are read here and by other tools: configuration, tokenizer, chat template, and the weights once, as safetensors. The same weights
/// as .bin, .gguf, .onnx or in another precision stay where they are.
/// </summary>
internal static class NeededFiles
{
    private const string Index = ".safetensors.index.json";
    private const string Weights = ".safetensors";
    private const string Adapter = "adapter_model.safetensors";
    private const string Pipeline = "model_index.json";
    private const string Templates = "additional_chat_templates";

    /// <summary>Where the weights of a model begin, most preferred first, as the reader has it.</summary>
    private static readonly string[] Models = ["model", "diffusion_pytorch_model"];

    private static readonly string[] TextEndings = [".json", ".jinja", ".model"];
    private static readonly string[] TextNames = ["merges.txt", "vocab.txt"];
    private static readonly string[] OtherWeights = [".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".h5", ".msgpack", ".npz"];

    /// <summary>The files to download.</summary>
    /// <param name="listing">All that there are.</param>
    /// <param name="host">The hub, for a message.</param>
    /// <param name="include">Globs of paths that are taken in place of what is needed; none for that.</param>
    /// <param name="exclude">Globs of paths that are left out.</param>
    /// <exception cref="LoraException">HubWeightsMissing; HubFileNotFound for globs that name nothing, ConfigConflict for globs that leave nothing of it.</exception>
    public static IReadOnlyList<HubFile> Of(HubListing listing, string host, IReadOnlyList<string> include, IReadOnlyList<string> exclude)
    {
        HubFile[] chosen = include.Count > 0 ? [.. listing.Files.Where(file => Matches(include, file))] : [.. Needed(listing.Files)];
        HubFile[] left = [.. chosen.Where(file => !Matches(exclude, file))];
        return chosen.Length == 0 && include.Count > 0 ? throw LoraException.Of(LoraError.HubFileNotFound, include, listing.Model, string.Join(", ", include), host)
            : left.Length == 0 && chosen.Length > 0
            ? throw LoraException.Of(LoraError.ConfigConflict, exclude, $"-Exclude {string.Join(", ", exclude)} leaves none of the {chosen.Length} files of {listing.Model} that {(include.Count > 0 ? $"-Include {string.Join(", ", include)} names" : "are needed")}")
            : include.Count == 0 && !chosen.Any(file => file.Name.EndsWith(Weights, StringComparison.Ordinal))
            ? throw LoraException.Of(LoraError.HubWeightsMissing, listing.Model.Name, listing.Model, host, Others(listing.Files))
            : left;
    }

    private static IEnumerable<HubFile> Needed(IReadOnlyList<HubFile> files)
    {
        HubFile[] root = [.. files.Where(file => file.Folder.Length == 0)];
        HubFile[] weights = WeightsOf(root);
        bool isPipeline = weights.Length == 0 && root.Any(file => file.Name == Pipeline);
        IEnumerable<HubFile> texts = files.Where(file => file.Folder.Length == 0 || file.Folder == Templates || isPipeline).Where(IsText);
        IEnumerable<HubFile> parts = isPipeline ? files.Where(file => file.Folder.Length > 0).GroupBy(file => file.Folder).SelectMany(folder => WeightsOf([.. folder])) : weights;
        return texts.Concat(parts);
    }

    /// <summary>The weights of one folder, with their index: of a model, of an adapter, of both; where neither has its usual name, all that there are.</summary>
    private static HubFile[] WeightsOf(HubFile[] folder)
    {
        HubFile[] tensors = [.. folder.Where(file => file.Name.EndsWith(Weights, StringComparison.Ordinal))];
        HubFile[] known = [.. Models.Select(name => Model(folder, tensors, name)).FirstOrDefault(found => found.Length > 0) ?? [], .. tensors.Where(file => file.Name == Adapter)];
        return known.Length > 0 ? known : [.. tensors.Where(IsNoCopy), .. folder.Where(file => file.Name.EndsWith(Index, StringComparison.Ordinal))];

        // Beside numbered files, "consolidated" ones are the same in another form.
        bool IsNoCopy(HubFile file) => ShardNumbers.WithoutConsolidated([.. tensors.Select(tensor => tensor.Name)]).Contains(file.Name);
    }

    /// <summary>One file, or an index with the files that are numbered after it.</summary>
    private static HubFile[] Model(HubFile[] folder, HubFile[] tensors, string name)
    {
        HubFile[] one = [.. tensors.Where(file => file.Name == name + Weights)];
        HubFile[] index = [.. folder.Where(file => file.Name == name + Index)];
        HubFile[] shards = [.. tensors.Where(file => file.Name.StartsWith(name + "-", StringComparison.Ordinal))];
        return one.Length > 0 ? one : index.Length == 0 ? [] : shards.Length > 0 ? [.. index, .. shards] : [.. index, .. tensors];
    }

    // Of several indices the one is taken that belongs to the weights.
    private static bool IsText(HubFile file) =>
        TextNames.Contains(file.Name) || (TextEndings.Any(ending => file.Name.EndsWith(ending, StringComparison.Ordinal)) && !file.Name.EndsWith(".index.json", StringComparison.Ordinal));

    private static bool Matches(IReadOnlyList<string> globs, HubFile file)
    {
        Matcher matcher = new(StringComparison.OrdinalIgnoreCase);
        matcher.AddIncludePatterns(globs.Select(glob => glob.Contains('/', StringComparison.Ordinal) ? glob : "**/" + glob));
        return matcher.Match(file.Path).HasMatches;
    }

    private static string Others(IReadOnlyList<HubFile> files)
    {
        HubFile[] others = [.. files.Where(file => OtherWeights.Any(ending => file.Name.EndsWith(ending, StringComparison.OrdinalIgnoreCase)))];
        return others.Length == 0 ? "" : $", but {string.Join(", ", others.Take(3).Select(file => file.Path))}{(others.Length > 3 ? $" and {others.Length - 3} more" : "")}";
    }
}
