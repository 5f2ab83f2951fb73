using Lora.Checkpoints;

namespace Lora.Quantization;

/// <summary>
/// Weights in 8-bit floating point: <c>weight</c> [out, in], each times its scale. <c>weight_scale_inv</c> has one for each block of 128 x 128
/// (DeepSeek-V3 and transformers' fine-grained FP8; a factor too, for all its name), <c>weight_scale</c> one for all, for each row or for each block
/// (compressed-tensors, ModelOpt, FBGEMM). Weights without a scale are values as they stand.
/// </summary>
internal sealed unsafe class Float8Weight : StoredWeight
{
    private readonly TensorInfo codes;
    private readonly TensorInfo? scales;
    private readonly ScaleGrid grid;

    /// <summary>Holds the parts against the shape [out, in].</summary>
    public Float8Weight(StoredParts parts, long outputs, long inputs)
        : base(parts, [outputs, inputs])
    {
        codes = parts.Need("weight", [TensorDataType.F8E4M3, TensorDataType.F8E5M2, TensorDataType.F8E4M3Fnuz, TensorDataType.F8E5M2Fnuz], outputs, inputs);
        string? name = parts.Has("weight_scale_inv") ? "weight_scale_inv" : parts.Has("weight_scale") ? "weight_scale" : null;
        scales = name is null ? null : parts.Any(name, StoredParts.Floats);
        grid = scales is null ? new(outputs, inputs, 1) : ScaleGrid.Of(parts, scales, outputs, inputs);
    }

    /// <inheritdoc/>
    protected override TileReader Open(PartReader reader)
    {
        long inputs = Shape[1];
        byte* stored = reader.Bytes(codes);
        float* factor = scales is null ? null : reader.Floats(scales);
        float[] numbers = SmallFloat.ValuesOf(codes.DataType);
        ScaleGrid blocks = grid;
        return (tile, values) =>
        {
            for (int row = 0; row < tile.Rows; row++)
            {
                byte* source = stored + ((tile.Row + row) * inputs) + tile.Column;
                float* line = values + (row * Tiles.Stride);
                float* s = factor is null ? null : factor + ((tile.Row + row) / blocks.Rows * blocks.Width);
                int end;
                for (int column = 0; column < tile.Columns; column = end)
                {
                    // A run of columns with one scale.
                    long block = (tile.Column + column) / blocks.Columns;
                    end = (int)Math.Min(tile.Columns, ((block + 1) * blocks.Columns) - tile.Column);
                    float scale = s is null ? 1 : s[block];
                    for (int at = column; at < end; at++)
                    {
                        line[at] = numbers[source[at]] * scale;
                    }
                }
            }
        };
    }
}
