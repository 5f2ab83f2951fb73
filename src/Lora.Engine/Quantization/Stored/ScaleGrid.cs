using Lora.Checkpoints;

namespace Lora.Quantization;

/// <summary>How many rows and columns of a matrix share a scale.</summary>
/// <param name="Rows">Rows that share one.</param>
/// <param name="Columns">Columns that share one.</param>
/// <param name="Width">Scales from a row of them to the next.</param>
internal readonly record struct ScaleGrid(long Rows, long Columns, long Width)
{
    // DeepSeek-V3's, from whose checkpoints others took the form.
    private const int UsualBlock = 128;

    /// <summary>
    /// Told by the shape of the scales: one number for all; [out] or [out, 1] for each row; [out, groups]; or one for each block, whose size
    /// config.json states (<c>weight_block_size</c>, <c>block_structure</c>, <c>group_size</c>).
    /// </summary>
    /// <exception cref="LoraException">QuantizedWeightInvalid: blocks of no size make as many.</exception>
    public static ScaleGrid Of(StoredParts parts, TensorInfo scales, long outputs, long inputs)
    {
        (long down, long across) = scales.Shape switch
        {
            [] => (1, 1),
            [long count] => (count, 1),
            [long rows, long columns] => (rows, columns),
            _ => throw parts.Invalid($"its scales have {scales.Shape.Length} dimensions"),
        };
        StatedQuantization? stated = parts.Stated;
        return Size(outputs, down, stated?.BlockRows) is long height && Size(inputs, across, stated?.BlockColumns ?? stated?.GroupSize) is long width
            ? new(height, width, across)
            : throw parts.Invalid($"its scales of the shape [{string.Join(", ", scales.Shape)}] are of no blocks of [{outputs}, {inputs}]");
    }

    private static long? Size(long length, long blocks, int? stated)
    {
        // One block, or one for each, whatever the configuration says: a module of another strategy than the rest.
        long? size = blocks == 1 ? length : blocks == length ? 1
            : stated is > 0 && Blocks(length, stated.Value) == blocks ? stated
            : Blocks(length, UsualBlock) == blocks ? UsualBlock
            : length % blocks == 0 ? length / blocks
            : null;
        return size;
    }

    private static long Blocks(long length, long size) => (length + size - 1) / size;
}
