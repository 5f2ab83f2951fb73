using static TorchSharp.torch;

namespace Lora.Quantization;

/// <summary>
/// A matrix in 4 bits a weight: one run of values, row after row, in blocks that share their largest magnitude. value = code's value · magnitude.
/// </summary>
/// <param name="Shape">[out, in].</param>
/// <param name="DataType">The dtype that the values are taken in.</param>
/// <param name="Code">What the codes stand for.</param>
/// <param name="BlockValues">Values that share a magnitude, a multiple of 32.</param>
/// <param name="Codes">uint8 [blocks · BlockValues / 2], two codes a byte; what is behind the last value does not matter.</param>
/// <param name="Magnitudes">One for each block.</param>
internal sealed record FourBitMatrix(long[] Shape, ScalarType DataType, FourBitCode Code, int BlockValues, Tensor Codes, BlockMagnitudes Magnitudes) : IDisposable
{
    /// <summary>Bytes of a block's codes.</summary>
    public int BlockBytes => BlockValues / 2;

    /// <summary>How many blocks there are, a last one that is not full among them.</summary>
    public long Blocks => Codes.numel() / BlockBytes;

    /// <summary>The bytes that it takes.</summary>
    public long Size => Codes.numel() + Magnitudes.Size;

    /// <summary>The matrix on another device; this one is disposed unless it is there already.</summary>
    public FourBitMatrix To(Device device)
    {
        if (device.type == Codes.device_type)
        {
            return this;
        }

        // The tensors here go once the copies are made; a matrix is moved, not doubled.
        using (Codes)
        {
            return this with { Codes = Codes.to(device).DetachFromDisposeScope(), Magnitudes = Magnitudes.Move(device) };
        }
    }

    /// <summary>Whether it has the form of another one, so that the codes of both become values at once.</summary>
    public bool HasFormOf(FourBitMatrix other) =>
        Code == other.Code && BlockValues == other.BlockValues && DataType == other.DataType && Shape[1] == other.Shape[1];

    /// <inheritdoc/>
    public void Dispose()
    {
        Codes.Dispose();
        Magnitudes.Dispose();
    }
}
