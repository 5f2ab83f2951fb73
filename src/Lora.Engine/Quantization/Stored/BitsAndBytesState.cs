using System.Text.Json;
using Lora.Checkpoints;

namespace Lora.Quantization;

/// <summary>What bitsandbytes writes beside a 4-bit weight as a JSON text in bytes, <c>weight.quant_state.bitsandbytes__nf4</c> or <c>__fp4</c>.</summary>
/// <param name="Type"><c>quant_type</c>: nf4 or fp4.</param>
/// <param name="BlockSize"><c>blocksize</c>: values that share a magnitude.</param>
/// <param name="Shape"><c>shape</c>: [out, in].</param>
/// <param name="NestedBlockSize"><c>nested_blocksize</c>: magnitudes that share a scale where they are quantised in turn; null where they are not.</param>
/// <param name="NestedOffset"><c>nested_offset</c>: the mean that was taken off the magnitudes.</param>
internal sealed record BitsAndBytesState(string Type, int BlockSize, IReadOnlyList<long> Shape, int? NestedBlockSize, float NestedOffset)
{
    /// <summary>The part's name, up to the type.</summary>
    public const string Prefix = "weight.quant_state.bitsandbytes__";

    private const int MostBytes = 4096;
    private const int SmallestBlock = 32;
    private const int LargestBlock = 4096;

    /// <summary>Reads it.</summary>
    /// <exception cref="LoraException">QuantizedWeightInvalid: it cannot be read, or says what bitsandbytes does not write.</exception>
    public static BitsAndBytesState Read(StoredParts parts, string name)
    {
        TensorInfo tensor = parts.Need(name, [TensorDataType.U8], [null]);
        byte[] bytes = new byte[tensor.Length <= MostBytes ? tensor.Length : throw parts.Invalid($"its quant_state has {tensor.Length} bytes")];
        parts.Checkpoint.Read(tensor, bytes);
        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes);
            return Of(document.RootElement, parts);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            // A value of another kind, or a key that is not there, are the same to a user: this is not what bitsandbytes writes.
            throw parts.Invalid($"its quant_state cannot be read: {exception.Message.TrimEnd('.')}");
        }
    }

    private static BitsAndBytesState Of(JsonElement state, StoredParts parts)
    {
        bool nested = state.TryGetProperty("nested_blocksize", out JsonElement nestedSize);
        float offset = nested ? state.GetProperty("nested_offset").GetSingle() : 0;
        if (!float.IsFinite(offset))
        {
            throw parts.Invalid("its nested_offset is not finite");
        }

        return new(
            state.GetProperty("quant_type").GetString() ?? "",
            Block(state.GetProperty("blocksize"), parts),
            [.. state.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())],
            nested ? Block(nestedSize, parts) : null,
            offset);
    }

    private static int Block(JsonElement size, StoredParts parts) =>
        size.GetInt32() is int value and >= SmallestBlock and <= LargestBlock && int.IsPow2(value) ? value
            : throw parts.Invalid($"its blocks have {size.GetInt32()} values; bitsandbytes has powers of two from {SmallestBlock} to {LargestBlock}");
}
