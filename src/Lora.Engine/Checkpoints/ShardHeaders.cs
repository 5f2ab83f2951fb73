namespace Lora.Checkpoints;

/// <summary>Reads the headers of a checkpoint's files side by side and puts them together.</summary>
internal static class ShardHeaders
{
    /// <summary>All tensors of the files, each name once; everything that is wrong with any file is reported together.</summary>
    public static Dictionary<string, TensorInfo> Read(CheckpointFiles files)
    {
        SafetensorsHeader?[] headers = new SafetensorsHeader?[files.Files.Count];
        List<LoraProblem>[] problems = new List<LoraProblem>[files.Files.Count];
        Parallel.For(0, headers.Length, index => headers[index] = SafetensorsHeader.TryRead(files.Files[index], problems[index] = []));
        LoraException.ThrowIfAny([.. problems.SelectMany(list => list)]);
        return Join(headers!, files.Index);
    }

    /// <summary>All tensors of headers, each name once.</summary>
    /// <param name="headers">The headers of all files.</param>
    /// <param name="index">The index that names the files; null without one.</param>
    /// <exception cref="LoraException">TensorDuplicate or TensorMissing.</exception>
    public static Dictionary<string, TensorInfo> Join(IEnumerable<SafetensorsHeader> headers, ShardIndex? index)
    {
        Dictionary<string, TensorInfo> tensors = new(StringComparer.Ordinal);
        List<TensorInfo> duplicates = [];
        foreach (TensorInfo tensor in headers.SelectMany(header => header.Tensors))
        {
            // Of a tensor that two shards hold, the one in the shard that the index names counts.
            bool belongs = index is null || !index.Shards.TryGetValue(tensor.Name, out string? shard) || shard == tensor.File;
            if (belongs && !tensors.TryAdd(tensor.Name, tensor))
            {
                duplicates.Add(tensor);
            }
        }

        // Two models in one folder share all their names: one line a file.
        List<LoraProblem> mismatches = [.. duplicates.GroupBy(tensor => tensor.File, tensor => tensor.Name)
            .Select(names => new LoraProblem(LoraError.TensorDuplicate, names.Key, names.Key, $"the tensor '{names.First()}'{More(names.Count())} of another file"))];
        foreach ((string name, string shard) in index?.Shards.AsEnumerable() ?? [])
        {
            if (!tensors.ContainsKey(name))
            {
                mismatches.Add(new(LoraError.TensorMissing, shard, shard, name));
            }
        }

        LoraException.ThrowIfAny(mismatches);
        return tensors;
    }

    private static string More(int count) => count > 1 ? $" and {count - 1} more" : "";
}
