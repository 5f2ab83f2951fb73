using static TorchSharp.torch;

namespace Lora.Quantization;

/// <summary>
/// A matrix in 4 bits a weight. Blocks of 64 values, row after row, share their largest magnitude; of these magnitudes, less their mean, 256 share
/// theirs in turn. value = NF4[code] · (dynamic[magnitude code] · scale + mean).
/// </summary>
/// <param name="Shape">[out, in].</param>
/// <param name="DataType">The dtype that the values are taken in.</param>
/// <param name="Codes">uint8 [32 · blocks], two codes a byte; the last block is filled up with zeros.</param>
/// <param name="Magnitudes">uint8 [blocks].</param>
/// <param name="Scales">float32 [blocks / 256, rounded up].</param>
/// <param name="Mean">Of the magnitudes.</param>
internal sealed record Nf4Matrix(long[] Shape, ScalarType DataType, Tensor Codes, Tensor Magnitudes, Tensor Scales, float Mean) : IDisposable
{
    /// <summary>Values that share a magnitude.</summary>
    public const int BlockValues = 64;

    /// <summary>Bytes of a block's codes.</summary>
    public const int BlockBytes = BlockValues / 2;

    /// <summary>Magnitudes that share a scale.</summary>
    public const int GroupBlocks = 256;

    /// <summary>The bytes that it takes.</summary>
    public long Size => SizeOf(Shape[0] * Shape[1]);

    /// <summary>How many blocks so many values have.</summary>
    public static long BlocksOf(long values) => (values + BlockValues - 1) / BlockValues;

    /// <summary>How many groups so many blocks have.</summary>
    public static long GroupsOf(long blocks) => (blocks + GroupBlocks - 1) / GroupBlocks;

    /// <summary>The bytes that so many values take.</summary>
    public static long SizeOf(long values) => (BlocksOf(values) * (BlockBytes + 1)) + (GroupsOf(BlocksOf(values)) * sizeof(float));

    /// <summary>The room of a matrix, which holds whatever was there before.</summary>
    public static Nf4Matrix WithoutValues(long[] shape, ScalarType dataType, Device device)
    {
        long blocks = BlocksOf(shape[0] * shape[1]);
        return new(shape, dataType, Room(blocks * BlockBytes, ScalarType.Byte), Room(blocks, ScalarType.Byte), Room(GroupsOf(blocks), ScalarType.Float32), 0);

        Tensor Room(long count, ScalarType type) => empty([count], dtype: type, device: device).DetachFromDisposeScope();
    }

    /// <summary>The matrix on another device; this one is disposed unless it is there already.</summary>
    public Nf4Matrix To(Device device)
    {
        if (device.type == Codes.device_type)
        {
            return this;
        }

        // The tensors here go once the copies are made; a matrix is moved, not doubled.
        using (this)
        {
            return this with { Codes = Move(Codes), Magnitudes = Move(Magnitudes), Scales = Move(Scales) };
        }

        Tensor Move(Tensor tensor) => tensor.to(device).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Codes.Dispose();
        Magnitudes.Dispose();
        Scales.Dispose();
    }
}
