using System.Numerics;
using System.Runtime.InteropServices;
using Lora.Checkpoints;

namespace Lora.Adapters;

/// <summary>Finds NaN and infinity among stored values, by their bits: both have every bit of the exponent set.</summary>
internal static class FiniteValues
{
    /// <summary>Whether every value is a finite number; types without such values are.</summary>
    public static bool AreAllOf(TensorData tensor) => tensor.DataType switch
    {
        TensorDataType.F16 => Lacks<ushort>(tensor, 0x7C00),
        TensorDataType.BF16 => Lacks<ushort>(tensor, 0x7F80),
        TensorDataType.F32 => Lacks<uint>(tensor, 0x7F800000),
        TensorDataType.F64 => Lacks<ulong>(tensor, 0x7FF0000000000000),
        _ => true,
    };

    private static bool Lacks<T>(TensorData tensor, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        // By bits and not by tensors: files are checked before libtorch is loaded, in any dtype.
        foreach (T bits in MemoryMarshal.Cast<byte, T>(tensor.Bytes.Span))
        {
            if ((bits & exponent) == exponent)
            {
                return false;
            }
        }

        return true;
    }
}
