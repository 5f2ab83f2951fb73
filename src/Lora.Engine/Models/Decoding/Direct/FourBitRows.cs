using System.Runtime.Intrinsics;
using Lora.Native;
using Lora.Quantization;

namespace Lora.Models;

/// <summary>
/// The rows of 4-bit matrices that lie one below the other, as float32 values, one at a time: memory gives an eighth of what it would of float32, and a row stays in the
/// nearest cache for all vectors that it is multiplied with.
/// </summary>
/// <param name="matrices">Matrices of one width, whose rows are whole blocks (<see cref="Serves"/>); their memory has to stay for as long as this is used.</param>
internal sealed unsafe class FourBitRows(IReadOnlyList<FourBitMatrix> matrices)
{
    private readonly Part[] parts = [.. matrices.Select((matrix, index) => new Part(matrix, matrices.Take(index).Sum(above => above.Shape[0])))];

    /// <summary>Whether no block of a matrix reaches from one row into the next.</summary>
    public static bool Serves(FourBitMatrix matrix) => matrix.Shape[1] % matrix.BlockValues == 0;

    /// <summary>Writes a row.</summary>
    /// <param name="row">Which of all.</param>
    /// <param name="values">[width]; written.</param>
    public void Write(long row, float* values)
    {
        int index = parts.Length - 1;
        while (parts[index].First > row)
        {
            index--;
        }

        parts[index].Write(row - parts[index].First, values);
    }

    private sealed class Part(FourBitMatrix matrix, long first)
    {
        private readonly FourBitCode code = matrix.Code;
        private readonly NestedMagnitudes? nested = matrix.Magnitudes.Nested;
        private readonly byte* codes = (byte*)TensorMemory.Address(matrix.Codes);
        private readonly byte* magnitudes = (byte*)TensorMemory.Address(matrix.Magnitudes.Values);
        private readonly float* scales = matrix.Magnitudes.Nested is NestedMagnitudes groups ? (float*)TensorMemory.Address(groups.Scales) : null;
        private readonly float* means = matrix.Magnitudes.Nested is NestedMagnitudes others ? (float*)TensorMemory.Address(others.Means) : null;
        private readonly long blocks = matrix.Shape[1] / matrix.BlockValues; // of a row
        private readonly int size = matrix.BlockValues;
        private readonly int bytes = matrix.BlockBytes;

        public long First => first;

        public void Write(long row, float* values)
        {
            for (long at = 0; at < blocks; at++)
            {
                long block = (row * blocks) + at;
                float* own = values + (at * size);
                code.Unpack(codes + (block * bytes), bytes, own);
                Vector256<float> scale = Vector256.Create(nested is null ? ((float*)magnitudes)[block]
                    : (nested.Map[magnitudes[block]] * scales[block / nested.GroupBlocks]) + means[block / nested.GroupBlocks]);
                for (int value = 0; value < size; value += Vector256<float>.Count)
                {
                    (Vector256.Load(own + value) * scale).Store(own + value);
                }
            }
        }
    }
}
