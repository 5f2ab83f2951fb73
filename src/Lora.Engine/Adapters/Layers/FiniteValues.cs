using System.Numerics;
using System.Runtime.InteropServices;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>Finds NaN and infinity among stored values, by their bits: both have every bit of the exponent set.</summary>
internal static class FiniteValues
{
    // A span holds less than 2 GiB.
    private const long TensorBytes = 1L << 30;

    /// <summary>Whether every value is a finite number; types without such values are.</summary>
    public static bool AreAllOf(TensorData tensor) => AreAllOf(tensor.Bytes.Span, tensor.DataType);

    /// <summary>The same of values, little-endian.</summary>
    public static bool AreAllOf(ReadOnlySpan<byte> values, TensorDataType type) => type switch
    {
        TensorDataType.F16 => Lacks<ushort>(values, 0x7C00),
        TensorDataType.BF16 => Lacks<ushort>(values, 0x7F80),
        TensorDataType.F32 => Lacks<uint>(values, 0x7F800000),
        TensorDataType.F64 => Lacks<ulong>(values, 0x7FF0000000000000),
        _ => true,
    };

    /// <summary>The same of a contiguous tensor on the CPU, for which torch would make three tensors.</summary>
    public static bool AreAllIn(Tensor values)
    {
        long length = values.numel() * values.ElementSize;
        for (long start = 0; start < length; start += TensorBytes)
        {
            if (!AreAllOf(TensorMemory.Bytes(values, start, (int)Math.Min(TensorBytes, length - start)), TensorType.Of(values.dtype)))
            {
                return false;
            }
        }

        return true;
    }

    private static bool Lacks<T>(ReadOnlySpan<byte> values, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        // By bits and not by tensors: files are checked before libtorch is loaded, in any dtype.
        Vector<T> every = new(exponent);
        ReadOnlySpan<Vector<T>> vectors = MemoryMarshal.Cast<byte, Vector<T>>(values);
        foreach (Vector<T> bits in vectors)
        {
            if (Vector.EqualsAny(bits & every, every))
            {
                return false;
            }
        }

        foreach (T bits in MemoryMarshal.Cast<byte, T>(values[(vectors.Length * Vector<byte>.Count)..]))
        {
            if ((bits & exponent) == exponent)
            {
                return false;
            }
        }

        return true;
    }
}
