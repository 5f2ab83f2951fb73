using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>
/// Hands other kernels so many rows at a time that what they make in passing stays within a bound: libtorch's operators make several wide tensors
/// of each operand, which for the gates of a large model would be more than everything that a block keeps.
/// </summary>
/// <param name="inner">Do the work.</param>
/// <param name="values">Of the largest operand at a time; a row that has more goes alone.</param>
internal sealed class SlicedKernels(IKernels inner, long values = 4 << 20) : IKernels
{
    // The backward pass of a gate has the most: twenty tensors, each half as large as its input.
    private const int WideTensors = 12;

    /// <summary>Bytes that are made in passing at the most, in float32.</summary>
    public long Workspace => values * WideTensors * sizeof(float);

    /// <inheritdoc/>
    public void NormForward(Tensor x, Tensor weight, double epsilon, Tensor y, Tensor scale) =>
        EachSlice(x, rows => inner.NormForward(rows.Of(x), weight, epsilon, rows.Of(y), rows.OfMany(scale, x.shape[0])));

    /// <inheritdoc/>
    public void NormBackward(Tensor x, Tensor weight, Tensor scale, Tensor dy, Tensor dx, bool accumulate) =>
        EachSlice(x, rows => inner.NormBackward(rows.Of(x), weight, rows.OfMany(scale, x.shape[0]), rows.Of(dy), rows.Of(dx), accumulate));

    /// <inheritdoc/>
    public void Rotate(Tensor heads, Tensor cosine, Tensor sine, bool backward) =>
        EachSlice(heads, rows => inner.Rotate(rows.Of(heads), rows.Of(cosine), rows.Of(sine), backward));

    /// <inheritdoc/>
    public void GateForward(GateActivation activation, Tensor gateUp, Tensor y) =>
        EachSlice(gateUp, rows => inner.GateForward(activation, rows.Of(gateUp), rows.Of(y)));

    /// <inheritdoc/>
    public void GateBackward(GateActivation activation, Tensor gateUp, Tensor dy, Tensor dGateUp) =>
        EachSlice(gateUp, rows => inner.GateBackward(activation, rows.Of(gateUp), rows.Of(dy), rows.Of(dGateUp)));

    /// <inheritdoc/>
    public void SoftmaxForward(Tensor scores, AttentionTile tile, double factor)
    {
        // By head, not by group: a slice has whole heads, whose queries the tile counts from its first.
        using Tensor heads = ByHead(scores, tile);
        EachSlice(heads, rows => inner.SoftmaxForward(rows.Of(heads), tile, factor));
    }

    /// <inheritdoc/>
    public void SoftmaxBackward(Tensor p, Tensor dp, AttentionTile tile, double factor)
    {
        using Tensor heads = ByHead(p, tile);
        using Tensor gradients = ByHead(dp, tile);
        EachSlice(heads, rows => inner.SoftmaxBackward(rows.Of(heads), rows.Of(gradients), tile, factor));
    }

    /// <inheritdoc/>
    public double CrossEntropy(Tensor logits, Tensor targets, double factor)
    {
        double loss = 0;
        EachSlice(logits, rows => loss += inner.CrossEntropy(rows.Of(logits), rows.Of(targets), factor));
        return loss;
    }

    /// <inheritdoc/>
    public void Drop(Tensor x, double probability, ulong seed, Tensor y) =>
        EachSlice(x, rows => inner.Drop(rows.Of(x), probability, seed + (ulong)rows.Start, rows.Of(y))); // else each slice would drop the same places

    /// <inheritdoc/>
    public void Adam(Tensor values, Tensor mean, Tensor variance, Tensor gradients, AdamStep step) =>
        EachSlice(values, rows => inner.Adam(rows.Of(values), rows.Of(mean), rows.Of(variance), rows.Of(gradients), step));

    /// <inheritdoc/>
    public void Dequantize(FourBitMatrix matrix, Tensor y)
    {
        using Tensor flat = y.view(-1);
        BlockMagnitudes magnitudes = matrix.Magnitudes;
        int group = magnitudes.GroupBlocks;
        EachSlice(magnitudes.Nested?.Scales ?? magnitudes.Values, group * matrix.BlockValues, groups =>
        {
            // Slices begin at a group, whose blocks share a scale; the last one may have fewer blocks, and the last block fewer values.
            SliceOfRows some = new(groups.Start * group, Math.Min(groups.Count * group, magnitudes.Blocks - (groups.Start * group)));
            long first = some.Start * matrix.BlockValues;
            FourBitMatrix part = matrix with
            {
                Codes = matrix.Codes.narrow(0, some.Start * matrix.BlockBytes, some.Count * matrix.BlockBytes),
                Magnitudes = magnitudes.Slice(some.Start, some.Count),
            };
            inner.Dequantize(part, flat.narrow(0, first, Math.Min(some.Count * matrix.BlockValues, flat.numel() - first)));
        });
    }

    /// <summary>[heads, queries, keys], whose rows the mask of the tile fits.</summary>
    private static Tensor ByHead(Tensor scores, AttentionTile tile) => scores.view(-1, tile.Queries, scores.shape[2]);

    private void EachSlice(Tensor operand, Action<SliceOfRows> work) => EachSlice(operand, operand.numel() / operand.shape[0], work);

    private void EachSlice(Tensor operand, long valuesPerRow, Action<SliceOfRows> work)
    {
        long rows = operand.shape[0];

        // A row is never cut: softmax, norms and cross-entropy need it whole.
        long most = Math.Max(1, values / valuesPerRow);
        for (long start = 0; start < rows; start += most)
        {
            // What a slice makes is gone before the next: that is the bound.
            using DisposeScope scope = NewDisposeScope();
            work(new(start, Math.Min(most, rows - start)));
        }
    }
}
