using System.Buffers.Binary;
using System.Text.Json;

namespace Lora.Tests.Checkpoints;

/// <summary>
/// Writes checkpoints with the names and shapes of real models whose values are holes in sparse files: hundreds of gigabytes for
/// everything that reads headers, next to nothing on the disk.
/// </summary>
internal static class SparseCheckpoint
{
    /// <summary>Llama 3.1 405B as it is published: 126 layers, 191 shards, BF16.</summary>
    public static void WriteLlama405B(string folder)
    {
        const long Hidden = 16384;
        const long Intermediate = 53248;
        const long KeyValue = 8 * 128;
        const long Vocabulary = 128256;
        List<(string Name, long[] Shape)> tensors = [("model.embed_tokens.weight", [Vocabulary, Hidden])];
        for (int layer = 0; layer < 126; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            tensors.Add((prefix + "input_layernorm.weight", [Hidden]));
            tensors.Add((prefix + "mlp.down_proj.weight", [Hidden, Intermediate]));
            tensors.Add((prefix + "mlp.gate_proj.weight", [Intermediate, Hidden]));
            tensors.Add((prefix + "mlp.up_proj.weight", [Intermediate, Hidden]));
            tensors.Add((prefix + "post_attention_layernorm.weight", [Hidden]));
            tensors.Add((prefix + "self_attn.k_proj.weight", [KeyValue, Hidden]));
            tensors.Add((prefix + "self_attn.o_proj.weight", [Hidden, Hidden]));
            tensors.Add((prefix + "self_attn.q_proj.weight", [Hidden, Hidden]));
            tensors.Add((prefix + "self_attn.v_proj.weight", [KeyValue, Hidden]));
        }

        tensors.Add(("model.norm.weight", [Hidden]));
        tensors.Add(("lm_head.weight", [Vocabulary, Hidden]));
        const string Config = """{"architectures":["LlamaForCausalLM"],"model_type":"llama","tie_word_embeddings":false}""";
        Write(folder, tensors, shardCount: 191, Config);
    }

    /// <summary>Writes BF16 tensors in their order over this many shards, with an index and a config.json.</summary>
    public static void Write(string folder, IReadOnlyList<(string Name, long[] Shape)> tensors, int shardCount, string config)
    {
        Dictionary<string, string> weightMap = [];
        foreach ((int shard, (string Name, long[] Shape)[] part) in tensors.Index()
            .GroupBy(entry => entry.Index * shardCount / tensors.Count, entry => entry.Item)
            .Select(group => (group.Key, group.ToArray())))
        {
            string file = $"model-{shard + 1:D5}-of-{shardCount:D5}.safetensors";
            WriteShard(Path.Combine(folder, file), part);
            foreach ((string name, _) in part)
            {
                weightMap.Add(name, file);
            }
        }

        File.WriteAllText(Path.Combine(folder, "config.json"), config);
        File.WriteAllBytes(Path.Combine(folder, "model.safetensors.index.json"), JsonSerializer.SerializeToUtf8Bytes(new { weight_map = weightMap }));
    }

    private static void WriteShard(string path, IEnumerable<(string Name, long[] Shape)> tensors)
    {
        Dictionary<string, object> header = [];
        long end = 0;
        foreach ((string name, long[] shape) in tensors)
        {
            long begin = end;
            end += 2 * shape.Aggregate(1L, (product, dimension) => product * dimension);
            header.Add(name, new { dtype = "BF16", shape, data_offsets = (long[])[begin, end] });
        }

        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        using FileStream stream = File.Create(path);
        stream.Write(length);
        stream.Write(json);
        stream.SetLength(sizeof(long) + json.Length + end);
    }
}
