using System.Text.Json;

namespace Lora.Checkpoints;

/// <summary>What config.json's <c>quantization_config</c> says of how the weights are stored; null where it says nothing.</summary>
internal sealed record StatedQuantization
{
    private const int MostBits = 32;

    /// <summary><c>quant_method</c>, for example <c>gptq</c>.</summary>
    public string? Method { get; private init; }

    /// <summary>Bits a weight.</summary>
    public int? Bits { get; private init; }

    /// <summary><c>version</c>: AWQ's order of packing, <c>gemm</c> or <c>gemv</c>.</summary>
    public string? Version { get; private init; }

    /// <summary><c>checkpoint_format</c>, for example <c>gptq_v2</c>.</summary>
    public string? Format { get; private init; }

    /// <summary>Inputs that share a scale; -1 where all do.</summary>
    public int? GroupSize { get; private init; }

    /// <summary>Rows of a block that shares a scale.</summary>
    public int? BlockRows { get; private init; }

    /// <summary>Columns of a block that shares a scale.</summary>
    public int? BlockColumns { get; private init; }

    /// <summary>Reads it; null where config.json has none.</summary>
    public static StatedQuantization? Of(JsonElement config)
    {
        if (!config.TryGetProperty("quantization_config", out JsonElement stated) || stated.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        JsonElement? group = Group(stated); // compressed-tensors says it for groups of modules
        int[] block = Block(stated, "weight_block_size") ?? (group is JsonElement weights ? Block(weights, "block_structure") : null) ?? [];
        return new()
        {
            Method = Text(stated, "quant_method"),
            // bits and group_size are transformers' words, w_bit and q_group_size those of AutoAWQ's own files.
            Bits = Bit(stated, "bits") ?? Bit(stated, "w_bit") ?? Bit(group, "num_bits"),
            Version = Text(stated, "version"),
            Format = Text(stated, "checkpoint_format") ?? Text(stated, "format"),
            GroupSize = Number(stated, "group_size") ?? Number(stated, "q_group_size") ?? Number(group, "group_size"),
            BlockRows = block.Length > 0 ? block[0] : null,
            BlockColumns = block.Length > 0 ? block[1] : null,
        };
    }

    /// <summary><c>config_groups.group_0.weights</c>, of the first group that has it.</summary>
    private static JsonElement? Group(JsonElement stated)
    {
        if (!stated.TryGetProperty("config_groups", out JsonElement groups) || groups.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        foreach (JsonProperty group in groups.EnumerateObject())
        {
            if (group.Value.ValueKind == JsonValueKind.Object && group.Value.TryGetProperty("weights", out JsonElement weights) && weights.ValueKind == JsonValueKind.Object)
            {
                return weights;
            }
        }

        return null;
    }

    private static string? Text(JsonElement parent, string key) =>
        parent.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()?.ToLowerInvariant() : null;

    private static int? Bit(JsonElement? parent, string key) => Number(parent, key) is int bits and > 0 and <= MostBits ? bits : null;

    private static int? Number(JsonElement? parent, string key) =>
        parent is JsonElement element && element.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) ? number : null;

    private static int[]? Block(JsonElement parent, string key) =>
        parent.TryGetProperty(key, out JsonElement sizes) && sizes.ValueKind == JsonValueKind.Array && sizes.GetArrayLength() == 2
            && sizes.EnumerateArray().All(size => size.ValueKind == JsonValueKind.Number && size.TryGetInt32(out int value) && value > 0)
            ? [.. sizes.EnumerateArray().Select(size => size.GetInt32())]
            : null;
}
