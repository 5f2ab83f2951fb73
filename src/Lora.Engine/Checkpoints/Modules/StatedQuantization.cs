using System.Text.Json;

namespace Lora.Checkpoints;

/// <summary>What config.json's <c>quantization_config</c> says of how the weights are stored.</summary>
/// <param name="Method"><c>quant_method</c>, for example <c>gptq</c>; null when it is not said.</param>
/// <param name="Bits">Bits a weight; null when it is not said.</param>
/// <param name="Version"><c>version</c>: AWQ's order of packing, <c>gemm</c> or <c>gemv</c>.</param>
internal sealed record StatedQuantization(string? Method, int? Bits, string? Version)
{
    /// <summary>Reads it; null where config.json has none.</summary>
    public static StatedQuantization? Of(JsonElement config) =>
        config.TryGetProperty("quantization_config", out JsonElement stated) && stated.ValueKind == JsonValueKind.Object
            ? new(Text(stated, "quant_method")?.ToLowerInvariant(), Bit(stated, "bits") ?? OfGroups(stated), Text(stated, "version")?.ToLowerInvariant())
            : null;

    /// <summary>compressed-tensors says it for groups of modules: <c>config_groups.group_0.weights.num_bits</c>.</summary>
    private static int? OfGroups(JsonElement stated) =>
        stated.TryGetProperty("config_groups", out JsonElement groups) && groups.ValueKind == JsonValueKind.Object
            ? groups.EnumerateObject()
                .Where(group => group.Value.ValueKind == JsonValueKind.Object
                    && group.Value.TryGetProperty("weights", out JsonElement weights) && weights.ValueKind == JsonValueKind.Object)
                .Select(group => Bit(group.Value.GetProperty("weights"), "num_bits"))
                .FirstOrDefault()
            : null;

    private static string? Text(JsonElement parent, string key) =>
        parent.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static int? Bit(JsonElement parent, string key) =>
        parent.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int bits) && bits is > 0 and <= 32 ? bits : null;
}
