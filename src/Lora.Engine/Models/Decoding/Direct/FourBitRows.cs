using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Lora.Kernels;
using Lora.Native;
using Lora.Quantization;

namespace Lora.Models;

/// <summary>Products of the rows of 4-bit matrices that lie one below the other: memory gives an eighth of what it would of float32, and no value is ever written.</summary>
/// <param name="matrices">Matrices of one width that <see cref="Serves"/> says yes to; their memory has to stay for as long as this is used.</param>
internal sealed unsafe class FourBitRows(IReadOnlyList<FourBitMatrix> matrices)
{
    /// <summary>Values that are taken at once.</summary>
    public const int Unit = FourBitProducts<Lanes512>.Unit;

    private readonly Part[] parts = [.. matrices.Select((matrix, index) => new Part(matrix, matrices.Take(index).Sum(above => above.Shape[0])))];

    /// <summary>Whether the rows of a matrix are whole units; blocks may go on from one row into the next.</summary>
    public static bool Serves(FourBitMatrix matrix) =>
        matrix.Shape[1] % Unit == 0 && BitOperations.IsPow2(matrix.BlockValues) && (matrix.Magnitudes.Nested is not NestedMagnitudes nested || BitOperations.IsPow2(nested.GroupBlocks));

    /// <summary>y = x Wᵀ for some of the rows.</summary>
    /// <param name="x">[vectors, width].</param>
    /// <param name="vectors">How many.</param>
    /// <param name="own">Room of the thread's own, for the vectors with their values apart and the scales of a row.</param>
    /// <param name="y">[vectors, stride].</param>
    /// <param name="stride">From one vector's results to the next one's.</param>
    /// <param name="begin">The first of the rows.</param>
    /// <param name="end">The one after the last.</param>
    public void Multiply<TLanes>(float* x, int vectors, WorkerBuffers own, float* y, long stride, long begin, long end)
        where TLanes : unmanaged, ILanes<TLanes>
    {
        long width = matrices[0].Shape[1];
        for (int vector = 0; vector < vectors; vector++)
        {
            FourBitProducts<TLanes>.Part(x + (vector * width), width, own.Apart + (vector * width));
        }

        foreach (Part part in parts)
        {
            long last = Math.Min(end, part.First + part.Rows);
            for (long row = Math.Max(begin, part.First); row < last; row++)
            {
                part.Multiply<TLanes>(row - part.First, own, vectors, y + row, stride);
            }
        }
    }

    private sealed class Part(FourBitMatrix matrix, long first)
    {
        private readonly Vector512<float> table = Vector512.Create([.. matrix.Code.Values]);
        private readonly NestedMagnitudes? nested = matrix.Magnitudes.Nested;
        private readonly byte* codes = (byte*)TensorMemory.Address(matrix.Codes);
        private readonly byte* magnitudes = (byte*)TensorMemory.Address(matrix.Magnitudes.Values);
        private readonly float* groupScales = matrix.Magnitudes.Nested is NestedMagnitudes groups ? (float*)TensorMemory.Address(groups.Scales) : null;
        private readonly float* means = matrix.Magnitudes.Nested is NestedMagnitudes others ? (float*)TensorMemory.Address(others.Means) : null;
        private readonly long width = matrix.Shape[1];
        private readonly long stretches = matrix.Shape[1] / LengthOf(matrix); // of a row
        private readonly int length = LengthOf(matrix);
        private readonly int toBlock = BitOperations.Log2((uint)(matrix.BlockValues / LengthOf(matrix)));
        private readonly int toGroup = BitOperations.Log2((uint)(matrix.Magnitudes.Nested?.GroupBlocks ?? 1));

        public long First => first;

        public long Rows => matrix.Shape[0];

        public void Multiply<TLanes>(long row, WorkerBuffers own, int vectors, float* y, long stride)
            where TLanes : unmanaged, ILanes<TLanes>
        {
            byte* packed = codes + (row * width / 2);
            WriteScales(row * stretches, own.Scales);
            int vector = 0;
            for (; vector + FourBitProducts<TLanes>.Together <= vectors; vector += FourBitProducts<TLanes>.Together)
            {
                FourBitProducts<TLanes>.Four(packed, own.Scales, stretches, length, table, own.Apart + (vector * width), y + (vector * stride), stride);
            }

            for (; vector < vectors; vector++)
            {
                y[vector * stride] = FourBitProducts<TLanes>.One(packed, own.Scales, stretches, length, table, own.Apart + (vector * width));
            }
        }

        /// <summary>Values of a row that share a scale: a block, or where blocks go on into the next row the largest power of two that no end of a block divides.</summary>
        private static int LengthOf(FourBitMatrix matrix) => (int)Math.Min(matrix.BlockValues, matrix.Shape[1] & -matrix.Shape[1]);

        /// <summary>The scales of a row's stretches.</summary>
        /// <param name="first">The number of the row's first stretch in the matrix.</param>
        /// <param name="scales">Written.</param>
        private void WriteScales(long first, float* scales)
        {
            if (nested is null)
            {
                for (long stretch = 0; stretch < stretches; stretch++)
                {
                    scales[stretch] = ((float*)magnitudes)[(first + stretch) >> toBlock];
                }

                return;
            }

            ref float map = ref MemoryMarshal.GetArrayDataReference(nested.Map);
            for (long stretch = 0; stretch < stretches;)
            {
                // Up to the end of the group, whose scale and mean stay in registers.
                long group = (first + stretch) >> toBlock >> toGroup, last = Math.Min(stretches, ((group + 1) << toGroup << toBlock) - first);
                float scale = groupScales[group], mean = means[group];
                for (; stretch < last; stretch++)
                {
                    scales[stretch] = (Unsafe.Add(ref map, magnitudes[(first + stretch) >> toBlock]) * scale) + mean;
                }
            }
        }
    }
}
