using Lora.Checkpoints;

namespace Lora.Hub;

/// <summary>Whether a download came to its end, told by the files that it left.</summary>
internal static class SnapshotFiles
{
    /// <summary>The files that are known to be missing: links without what they lead to, and shards that an index or other shards' names promise.</summary>
    /// <exception cref="LoraException">An index is not usable.</exception>
    public static IReadOnlyList<string> Missing(string snapshot)
    {
        string[] names = [.. Directory.EnumerateFiles(snapshot).Select(path => Path.GetFileName(path))];
        string[] whole = [.. names.Where(name => IsThere(snapshot, name))];
        IEnumerable<string> shards = CheckpointFiles.Preferred(whole) switch
        {
            null => ShardNumbers.Missing([.. whole.Where(name => name.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))]),
            string index when CheckpointFiles.IsIndex(index) => ShardIndex.ShardsOf(Path.Combine(snapshot, index)).Where(shard => !IsThere(snapshot, shard)),
            _ => [],
        };
        return [.. names.Except(whole).Union(shards).Order(StringComparer.Ordinal)];
    }

    // File.Exists takes a link for what it is, wherever it leads.
    private static bool IsThere(string snapshot, string name)
    {
        FileInfo file = new(Path.Combine(snapshot, name));
        return file.Exists && (file.LinkTarget is null || File.Exists(RealPath.Of(file.FullName)));
    }
}
