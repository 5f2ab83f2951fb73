using static TorchSharp.torch;

namespace Lora.Quantization;

/// <summary>The form that matrices are quantised in here, bitsandbytes' usual one: NF4 in blocks of 64, whose magnitudes are quantised in groups of 256.</summary>
internal static class Nf4Layout
{
    /// <summary>Values that share a magnitude.</summary>
    public const int BlockValues = 64;

    /// <summary>Bytes of a block's codes.</summary>
    public const int BlockBytes = BlockValues / 2;

    /// <summary>Magnitudes that share a scale.</summary>
    public const int GroupBlocks = 256;

    /// <summary>How many blocks so many values have.</summary>
    public static long BlocksOf(long values) => (values + BlockValues - 1) / BlockValues;

    /// <summary>How many groups so many blocks have.</summary>
    public static long GroupsOf(long blocks) => (blocks + GroupBlocks - 1) / GroupBlocks;

    /// <summary>The bytes that so many values take.</summary>
    public static long SizeOf(long values) => (BlocksOf(values) * BlockBytes) + (GroupsOf(BlocksOf(values)) * (GroupBlocks + (2 * sizeof(float))));

    /// <summary>The room of a matrix, which holds whatever was there before.</summary>
    public static FourBitMatrix WithoutValues(long[] shape, ScalarType dataType, Device device)
    {
        long blocks = BlocksOf(shape[0] * shape[1]);
        return Matrix(shape, dataType, Room(blocks * BlockBytes, ScalarType.Byte), Room(GroupsOf(blocks) * GroupBlocks, ScalarType.Byte), Room(GroupsOf(blocks), ScalarType.Float32), 0);

        Tensor Room(long count, ScalarType type) => empty([count], dtype: type, device: device).DetachFromDisposeScope();
    }

    /// <summary>A matrix of its parts, which it owns from now on.</summary>
    public static FourBitMatrix Matrix(long[] shape, ScalarType dataType, Tensor codes, Tensor magnitudes, Tensor scales, float mean) =>
        new(shape, dataType, FourBitCode.Nf4, BlockValues, codes, new(magnitudes, NestedMagnitudes.Of(GroupBlocks, DynamicCode.Values, scales, mean)));
}
