using System.Text.Json;

namespace Lora.Checkpoints;

/// <summary>A shard index (<c>model.safetensors.index.json</c>): which file of the folder holds which tensor.</summary>
internal sealed class ShardIndex
{
    private const long MostBytes = 100_000_000;

    private ShardIndex(string path, IReadOnlyDictionary<string, string> shards)
    {
        Path = path;
        Shards = shards;
    }

    /// <summary>The full path of the index.</summary>
    public string Path { get; }

    /// <summary>The full path of the shard of each tensor that the index names.</summary>
    public IReadOnlyDictionary<string, string> Shards { get; }

    /// <summary>Reads an index and checks that its shards lie in its folder and are there.</summary>
    /// <exception cref="LoraException">The index is unreadable or invalid, or shards are missing, outside or of another format.</exception>
    public static ShardIndex Read(string path)
    {
        string folder = System.IO.Path.GetDirectoryName(path)!;
        return Of(path, ReadMap(path), shard => System.IO.Path.GetFullPath(System.IO.Path.Combine(folder, shard)), File.Exists);
    }

    /// <summary>Reads the text of an index that is not on this machine.</summary>
    /// <param name="path">Its path, for messages.</param>
    /// <param name="json">Its text.</param>
    /// <param name="files">The shards that are there: what each is called by, by its name.</param>
    /// <inheritdoc cref="Read"/>
    public static ShardIndex Parse(string path, byte[] json, IReadOnlyDictionary<string, string> files)
    {
        using MemoryStream stream = new(json);
        return Of(path, ReadMap(path, () => stream), shard => files.GetValueOrDefault(shard, ""), file => file.Length > 0);
    }

    private static ShardIndex Of(string path, Dictionary<string, string> map, Func<string, string> place, Func<string, bool> isThere)
    {
        List<LoraProblem> problems = [];
        Dictionary<string, string> paths = new(StringComparer.Ordinal);
        foreach (string shard in map.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            if (LeavesFolder(shard))
            {
                problems.Add(new(LoraError.ShardOutsideFolder, path, path, shard));
            }
            else if (PickleFile.HasItsName(shard))
            {
                problems.Add(new(LoraError.PickleRefused, path, path, shard));
            }
            else if (place(shard) is string file && isThere(file))
            {
                paths[shard] = file;
            }
            else
            {
                problems.Add(new(LoraError.ShardMissing, path, path, shard));
            }
        }

        LoraException.ThrowIfAny(problems);
        return new(path, map.ToDictionary(pair => pair.Key, pair => paths[pair.Value], StringComparer.Ordinal));
    }

    /// <summary>The names of the files that an index names, whether they are there or not.</summary>
    /// <exception cref="LoraException">The index is unreadable or invalid.</exception>
    public static IEnumerable<string> ShardsOf(string path) => ReadMap(path).Values.Distinct(StringComparer.Ordinal);

    private static Dictionary<string, string> ReadMap(string path) =>
        ReadMap(path, () => RegularFile.HasContent(path) ? RegularFile.Open(path, MostBytes) : throw Invalid(path, "it is empty, or a pipe or a device"));

    private static Dictionary<string, string> ReadMap(string path, Func<Stream> open)
    {
        try
        {
            using Stream stream = open();
            // Of a tensor that is named twice it could not be told in which shard it is.
            using JsonDocument document = JsonDocument.Parse(stream, new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("weight_map", out JsonElement map)
                || map.ValueKind != JsonValueKind.Object)
            {
                throw Invalid(path, "it is not an object with a weight_map");
            }

            Dictionary<string, string> shards = new(StringComparer.Ordinal);
            foreach (JsonProperty entry in map.EnumerateObject())
            {
                if (entry.Value.ValueKind != JsonValueKind.String || entry.Value.GetString() is not { Length: > 0 } shard)
                {
                    throw Invalid(path, $"the entry '{entry.Name}' names no file");
                }

                shards.Add(entry.Name, shard);
            }

            return shards.Count > 0 ? shards : throw Invalid(path, "its weight_map is empty");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string is not UTF-8, or escapes half of a surrogate pair.
            throw LoraException.From(exception, LoraError.ShardIndexInvalid, path, path, exception.Message.TrimEnd('.'));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.FileUnreadable, path, path, exception.Message);
        }
    }

    private static LoraException Invalid(string path, string reason) => LoraException.Of(LoraError.ShardIndexInvalid, path, path, reason);

    /// <summary>True for a rooted path and for one with a step upwards, in the notation of any system.</summary>
    private static bool LeavesFolder(string shard)
    {
        string[] parts = shard.Split('/', '\\');
        return parts[0].Length == 0 || parts[0].Contains(':') || parts.Contains("..");
    }
}
