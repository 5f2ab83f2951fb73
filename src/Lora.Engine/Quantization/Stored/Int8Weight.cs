using Lora.Checkpoints;

namespace Lora.Quantization;

/// <summary>
/// Weights as 8-bit integers, <c>weight</c> [out, in]. bitsandbytes (LLM.int8(), arXiv 2208.07339) has each row's largest magnitude in
/// <c>SCB</c> [out]: w = code · SCB / 127. compressed-tensors (int-quantized) has <c>weight_scale</c>, of a row, of groups or of all, and sometimes
/// <c>weight_zero_point</c> of its shape: w = (code - zero) · scale.
/// </summary>
internal sealed unsafe class Int8Weight : StoredWeight
{
    private const int LargestCode = 127;

    private readonly TensorInfo codes;
    private readonly TensorInfo scales;
    private readonly TensorInfo? zeros;
    private readonly TensorInfo? layout;
    private readonly ScaleGrid grid;
    private readonly float unit;

    /// <summary>Holds the parts against the shape [out, in].</summary>
    public Int8Weight(StoredParts parts, long outputs, long inputs)
        : base(parts, [outputs, inputs])
    {
        codes = parts.Need("weight", [TensorDataType.I8], outputs, inputs);
        bool ofMagnitudes = parts.Has("SCB");
        unit = ofMagnitudes ? 1f / LargestCode : 1;
        scales = ofMagnitudes ? parts.Need("SCB", StoredParts.Floats, outputs) : parts.Any("weight_scale", StoredParts.Floats);
        layout = parts.Has("weight_format") ? parts.Any("weight_format", []) : null;
        zeros = parts.Has("weight_zero_point") ? parts.Any("weight_zero_point", [TensorDataType.I8, TensorDataType.I32]) : null;
        grid = ScaleGrid.Of(parts, scales, outputs, inputs);
        if (zeros is not null && zeros.ElementCount != scales.ElementCount)
        {
            throw parts.Invalid($"it has {zeros.ElementCount} zero points for {scales.ElementCount} scales");
        }
    }

    /// <inheritdoc/>
    protected override TileReader Open(PartReader reader)
    {
        // 0 is "row"; the others were orders of a GPU's tiles, which bitsandbytes writes no more and cannot undo.
        if (layout is not null && *reader.Bytes(layout) != 0)
        {
            throw Parts.Invalid($"its weight_format is {*reader.Bytes(layout)}; only 0 is read, rows");
        }

        long inputs = Shape[1];
        sbyte* stored = (sbyte*)reader.Bytes(codes);
        float* factor = reader.Floats(scales);
        float* zero = zeros is null ? null : reader.Floats(zeros);
        ScaleGrid blocks = grid;
        float whole = unit;
        return (tile, values) =>
        {
            for (int row = 0; row < tile.Rows; row++)
            {
                sbyte* source = stored + ((tile.Row + row) * inputs) + tile.Column;
                float* line = values + (row * Tiles.Stride);
                long first = (tile.Row + row) / blocks.Rows * blocks.Width;
                int end;
                for (int column = 0; column < tile.Columns; column = end)
                {
                    // A run of columns with one scale.
                    long block = (tile.Column + column) / blocks.Columns;
                    end = (int)Math.Min(tile.Columns, ((block + 1) * blocks.Columns) - tile.Column);
                    float scale = factor[first + block] * whole;
                    float offset = zero is null ? 0 : zero[first + block];
                    for (int at = column; at < end; at++)
                    {
                        line[at] = (source[at] - offset) * scale;
                    }
                }
            }
        };
    }
}
