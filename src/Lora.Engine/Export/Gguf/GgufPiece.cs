using System.Runtime.InteropServices;
using Lora.Adapters;
using Lora.Checkpoints;

namespace Lora.Export;

/// <summary>A piece of a tensor on its way from the form that it is stored in to the form of the file, with the memory that this takes.</summary>
internal sealed class GgufPiece
{
    /// <summary>Values of a piece: a multiple of every block, and little enough that they stay in a core's cache between reading, converting and writing.</summary>
    public const int MostValues = 1 << 16;

    private readonly byte[] stored = new byte[MostValues * sizeof(double)];
    private readonly byte[] written = new byte[MostValues * sizeof(float)];
    private readonly float[] values = new float[MostValues];
    private bool isAsStored;
    private int length;

    /// <summary>Where the values are put, in the form that they are stored in.</summary>
    /// <param name="length">How many bytes they take.</param>
    public Span<byte> Stored(int length) => stored.AsSpan(0, length);

    /// <summary>The bytes of the file.</summary>
    public ReadOnlySpan<byte> Written => (isAsStored ? stored : written).AsSpan(0, length);

    /// <summary>Brings the values into the form of the file.</summary>
    /// <param name="count">How many there are.</param>
    /// <param name="from">The form that they are stored in.</param>
    /// <param name="to">The form of the file.</param>
    /// <returns>Whether all of them are numbers that the form holds.</returns>
    public bool Encode(int count, TensorDataType from, GgufTensorType to)
    {
        (int block, int width) = to.Block();
        length = count / block * width;
        TensorDataType number = to switch { GgufTensorType.F16 => TensorDataType.F16, GgufTensorType.BF16 => TensorDataType.BF16, _ => TensorDataType.F32 };
        isAsStored = block == 1 && from == number;
        ReadOnlySpan<byte> source = Stored(count * from.BitSize() / 8);
        if (isAsStored)
        {
            return FiniteValues.AreAllOf(source, from);
        }

        Span<float> own = values.AsSpan(0, count);
        NumberForms.Widen(source, from, own);
        if (block == 1)
        {
            NumberForms.Narrow(own, number, written.AsSpan(0, length));
            return FiniteValues.AreAllOf(Written, number);
        }

        bool areNumbers = FiniteValues.AreAllOf(MemoryMarshal.AsBytes(own), TensorDataType.F32);
        if (areNumbers)
        {
            GgufBlocks.Encode(own, to, written.AsSpan(0, length));
        }

        return areNumbers;
    }
}
