using System.Runtime.InteropServices;
using Lora.Checkpoints;

namespace Lora.Adapters;

/// <summary>
/// The Frobenius norm of B A without forming it: ‖BA‖² is the sum over i, j of (Bᵀ B)ᵢⱼ (A Aᵀ)ᵢⱼ, which takes rank² products of long
/// vectors in place of a matrix of the base weight's size.
/// </summary>
internal static class ProductNorm
{
    /// <summary>The norm; axes after the second count as one with it.</summary>
    /// <param name="down">A, [rank, in].</param>
    /// <param name="up">B, [out, rank].</param>
    public static double Of(TensorData down, TensorData up)
    {
        int rank = (int)down.Shape[0];
        float[] a = Values(down);
        float[] b = Values(up);
        int inputs = a.Length / rank;
        int outputs = b.Length / rank;
        double sum = 0;
        for (int i = 0; i < rank; i++)
        {
            for (int j = 0; j < rank; j++)
            {
                double rows = 0;
                for (int k = 0; k < inputs; k++)
                {
                    rows += (double)a[(i * inputs) + k] * a[(j * inputs) + k];
                }

                double columns = 0;
                for (int k = 0; k < outputs; k++)
                {
                    columns += (double)b[(k * rank) + i] * b[(k * rank) + j];
                }

                sum += rows * columns;
            }
        }

        return Math.Sqrt(Math.Max(sum, 0));
    }

    private static float[] Values(TensorData tensor)
    {
        ReadOnlySpan<byte> bytes = tensor.Bytes.Span;
        return tensor.DataType switch
        {
            TensorDataType.F32 => MemoryMarshal.Cast<byte, float>(bytes).ToArray(),
            TensorDataType.F16 => [.. MemoryMarshal.Cast<byte, Half>(bytes).ToArray().Select(value => (float)value)],
            TensorDataType.BF16 => [.. MemoryMarshal.Cast<byte, ushort>(bytes).ToArray().Select(value => BitConverter.UInt32BitsToSingle((uint)value << 16))],
            _ => throw LoraException.Of(LoraError.TensorDataTypeUnknown, tensor.Name, tensor.Name, tensor.Name, tensor.DataType.ToName(), "F32, F16, BF16"),
        };
    }
}
