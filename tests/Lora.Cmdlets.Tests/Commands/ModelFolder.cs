using System.Text;

namespace Lora.Commands.Tests.Commands;

/// <summary>A folder for models of two blocks, written by hand: a header is all that listing reads, the weights are zeros.</summary>
public sealed class ModelFolder : IDisposable
{
    private static readonly (string Name, int[] Shape)[] Tensors =
    [
        ("model.embed_tokens.weight", [32, 8]),
        ("model.layers.0.self_attn.q_proj.weight", [8, 8]),
        ("model.layers.0.mlp.down_proj.weight", [8, 16]),
        ("model.layers.0.input_layernorm.weight", [8]),
        ("model.layers.1.self_attn.q_proj.weight", [8, 8]),
        ("model.layers.1.mlp.down_proj.weight", [8, 16]),
        ("model.layers.1.input_layernorm.weight", [8]),
        ("lm_head.weight", [32, 8]),
    ];

    private static readonly (string Name, int[] Shape)[] Mixture =
    [
        .. Enumerable.Range(0, 2).SelectMany(layer => new (string, int[])[]
        {
            ($"model.layers.{layer}.self_attn.q_proj.weight", [8, 8]), ($"model.layers.{layer}.mlp.gate.weight", [4, 8]),
            ($"model.layers.{layer}.mlp.experts.down_proj", [4, 8, 6]), ($"model.layers.{layer}.mlp.experts.gate_up_proj", [4, 12, 8]),
        }),
    ];

    public string Path { get; } = Directory.CreateTempSubdirectory("lora models ").FullName;

    /// <summary>Writes a model into a folder of the given name and gives its full path.</summary>
    public string Add(string name) => Write(name, "llama", Tensors);

    /// <summary>Writes a mixture of experts whose weights are parameters of one module.</summary>
    public string AddMixture(string name) => Write(name, "qwen3_moe", Mixture);

    private string Write(string name, string type, (string Name, int[] Shape)[] tensors)
    {
        string model = Directory.CreateDirectory(System.IO.Path.Combine(Path, name)).FullName;
        File.WriteAllText(System.IO.Path.Combine(model, "config.json"), $$"""{ "model_type": "{{type}}", "tie_word_embeddings": false }""");
        File.WriteAllBytes(System.IO.Path.Combine(model, "model.safetensors"), Safetensors(tensors));
        return model;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    // The layout of the format: length of the header (8 bytes, little-endian), header, values.
    private static byte[] Safetensors((string Name, int[] Shape)[] tensors)
    {
        List<string> entries = [];
        int offset = 0;
        foreach ((string name, int[] shape) in tensors)
        {
            int end = offset + (2 * shape.Aggregate((product, size) => product * size));
            entries.Add($$"""
                "{{name}}": {"dtype":"BF16","shape":[{{string.Join(',', shape)}}],"data_offsets":[{{offset}},{{end}}]}
                """);
            offset = end;
        }

        byte[] header = Encoding.UTF8.GetBytes("{" + string.Join(',', entries) + "}");
        return [.. BitConverter.GetBytes((ulong)header.Length), .. header, .. new byte[offset]];
    }
}
