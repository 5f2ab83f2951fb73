using Lora.Checkpoints;

namespace Lora.Export;

/// <summary>Encodes values in blocks of codes, to the bit as ggml's reference code does (ggml/src/ggml-quants.c, quantize_row_*_ref), on the threads that libtorch has.</summary>
internal static class GgufBlocks
{
    private const int BlocksAtOnce = 512; // whole pieces of work for a thread, large against what it costs to begin one

    /// <summary>Encodes whole blocks.</summary>
    /// <param name="values">The values, all finite.</param>
    /// <param name="type">Q8_0, Q4_0 or Q6_K.</param>
    /// <param name="blocks">As many bytes as they take.</param>
    public static unsafe void Encode(ReadOnlySpan<float> values, GgufTensorType type, Span<byte> blocks)
    {
        (int size, int bytes) = type.Block();
        int count = values.Length / size;
        fixed (float* first = values)
        fixed (byte* start = blocks)
        {
            // Neither is kept beyond the call, which ends when all threads have.
            (nint source, nint target) = ((nint)first, (nint)start);
            int work = (count + BlocksAtOnce - 1) / BlocksAtOnce;
            Parallel.For(0, work, new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, TorchSharp.torch.get_num_threads()) }, part =>
            {
                int end = Math.Min(count, (part + 1) * BlocksAtOnce);
                for (int block = part * BlocksAtOnce; block < end; block++)
                {
                    EncodeBlock(new ReadOnlySpan<float>((float*)source + ((long)block * size), size), type, new Span<byte>((byte*)target + ((long)block * bytes), bytes));
                }
            });
        }
    }

    private static void EncodeBlock(ReadOnlySpan<float> values, GgufTensorType type, Span<byte> block)
    {
        switch (type)
        {
            case GgufTensorType.Q8_0:
                BlockOf8Bits.Encode(values, block);
                break;
            case GgufTensorType.Q4_0:
                BlockOf4Bits.Encode(values, block);
                break;
            case GgufTensorType.Q6_K:
                BlockOf6Bits.Encode(values, block);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "The type has no codes.");
        }
    }
}
