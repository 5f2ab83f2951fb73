using System.Security.Cryptography;
using Lora.Adapters;
using Lora.Text;

namespace Lora.Hub;

/// <summary>What of an adapter's folder is published: the adapter, its card, its tokenizer. Checkpoints, optimiser state, logs and whatever else lies there stay.</summary>
internal static class AdapterFiles
{
    /// <summary>The card that a hub shows.</summary>
    public const string Card = "README.md";

    private static readonly string[] Needed = [AdapterConfigJson.FileName, AdapterFolder.WeightsName];

    private static readonly string[] Optional =
    [
        Card, ChatTemplateFiles.FileName, LabelFile.Name, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json", "vocab.txt", "merges.txt",
    ];

    /// <summary>The files, with their sizes and hashes.</summary>
    /// <param name="folder">An adapter's folder, which was looked at.</param>
    /// <exception cref="LoraException">PathNotFound or FileUnreadable.</exception>
    public static IReadOnlyList<PublishedFile> Of(string folder)
    {
        LoraException.ThrowIfAny([.. Needed.Select(name => Path.Combine(folder, name)).Where(path => !File.Exists(path)).Select(path => new LoraProblem(LoraError.PathNotFound, path, path))]);
        return [.. Needed.Concat(Optional).Select(name => Path.Combine(folder, name)).Where(File.Exists).Select(PublishedFile.Of)];
    }
}

/// <summary>A file that is published.</summary>
/// <param name="Path">Its full path here.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Hash">Its SHA-256, by which a hub keeps large files.</param>
/// <param name="Start">Its first bytes, by which a hub decides whether it is text.</param>
internal sealed record PublishedFile(string Path, long Size, string Hash, byte[] Start)
{
    private const int StartLength = 512; // what hubs ask for

    /// <summary>Its name there.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>Reads a file.</summary>
    /// <exception cref="LoraException">FileUnreadable.</exception>
    public static PublishedFile Of(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            byte[] start = new byte[(int)Math.Min(StartLength, stream.Length)];
            stream.ReadExactly(start);
            stream.Position = 0;
            return new(path, stream.Length, Convert.ToHexStringLower(SHA256.HashData(stream)), start);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.FileUnreadable, path, path, exception.Message);
        }
    }

    /// <summary>Whether a hub has the same content under the name.</summary>
    public bool IsThere(HubListing listing)
    {
        if (listing.Files.FirstOrDefault(file => file.Path == Name) is not { Hash: string there } found || found.Size != Size)
        {
            return false;
        }

        if (there.Length == Hash.Length)
        {
            return there == Hash;
        }

        using ContentHash hash = new(there, Size);
        hash.Add(File.ReadAllBytes(Path));
        return hash.Fault() is null;
    }
}
