using System.Buffers.Binary;

namespace Lora.Checkpoints;

/// <summary>Makes numbers of the bytes of a GGUF file's tensors.</summary>
internal static class GgufDecoder
{
    /// <summary>Decodes whole blocks.</summary>
    /// <param name="type">Their form.</param>
    /// <param name="bytes">The blocks.</param>
    /// <param name="values">As many values as they have.</param>
    public static void Decode(GgufTensorType type, ReadOnlySpan<byte> bytes, Span<float> values)
    {
        switch (type)
        {
            case GgufTensorType.F32:
                NumberForms.Widen(bytes, TensorDataType.F32, values);
                return;
            case GgufTensorType.F16:
                NumberForms.Widen(bytes, TensorDataType.F16, values);
                return;
            case GgufTensorType.BF16:
                NumberForms.Widen(bytes, TensorDataType.BF16, values);
                return;
        }

        (int size, int width) = type.Block();
        for (int block = 0; block < values.Length / size; block++)
        {
            ReadOnlySpan<byte> codes = bytes.Slice(block * width, width);
            Span<float> own = values.Slice(block * size, size);
            switch (type)
            {
                case GgufTensorType.Q8_0:
                    Of8Bits(codes, own);
                    break;
                case GgufTensorType.Q4_0:
                    Of4Bits(codes, own);
                    break;
                default:
                    Of6Bits(codes, own);
                    break;
            }
        }
    }

    private static void Of8Bits(ReadOnlySpan<byte> block, Span<float> values)
    {
        float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        for (int index = 0; index < values.Length; index++)
        {
            values[index] = scale * (sbyte)block[sizeof(ushort) + index];
        }
    }

    private static void Of4Bits(ReadOnlySpan<byte> block, Span<float> values)
    {
        float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        for (int index = 0; index < values.Length / 2; index++)
        {
            // The lower halves of the bytes are the first 16 values, the upper halves the last 16.
            byte pair = block[sizeof(ushort) + index];
            values[index] = scale * ((pair & 15) - 8);
            values[index + (values.Length / 2)] = scale * ((pair >> 4) - 8);
        }
    }

    /// <summary>Lower halves of codes, upper quarters, a scale for each 16 values, and one for all.</summary>
    private static void Of6Bits(ReadOnlySpan<byte> block, Span<float> values)
    {
        // Behind 128 bytes of lower halves, 64 of upper quarters and 16 scales.
        float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block[208..]);
        for (int index = 0; index < values.Length; index++)
        {
            (int half, int within) = (index / 128, index % 128);
            (int quarter, int place) = (within / 32, within % 32);
            int low = block[(half * 64) + (quarter % 2 * 32) + place] >> (quarter / 2 * 4) & 15;
            int high = block[128 + (half * 32) + place] >> (quarter * 2) & 3;
            values[index] = scale * (sbyte)block[192 + (index / 16)] * ((low | (high << 4)) - 32);
        }
    }
}
