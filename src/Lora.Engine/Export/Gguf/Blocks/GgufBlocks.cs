using Lora.Checkpoints;

namespace Lora.Export;

/// <summary>Encodes values in blocks of codes, to the bit as ggml's reference code does (ggml/src/ggml-quants.c, quantize_row_*_ref).</summary>
internal static class GgufBlocks
{
    private delegate void Encoder(ReadOnlySpan<float> values, Span<byte> block);

    /// <summary>Encodes whole blocks.</summary>
    /// <param name="values">The values, all finite.</param>
    /// <param name="type">Q8_0, Q4_0 or Q6_K.</param>
    /// <param name="blocks">As many bytes as they take.</param>
    public static void Encode(ReadOnlySpan<float> values, GgufTensorType type, Span<byte> blocks)
    {
        (int size, int bytes) = type.Block();
        Encoder encode = type switch
        {
            GgufTensorType.Q8_0 => BlockOf8Bits.Encode,
            GgufTensorType.Q4_0 => BlockOf4Bits.Encode,
            GgufTensorType.Q6_K => BlockOf6Bits.Encode,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "The type has no codes."),
        };
        for (int block = 0; block < values.Length / size; block++)
        {
            encode(values.Slice(block * size, size), blocks.Slice(block * bytes, bytes));
        }
    }
}
