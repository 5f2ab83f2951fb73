using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>Where a weight has its output channels, and what a low-rank product amounts to in it; all values float32.</summary>
/// <param name="ChannelAxis">The axis of the weight that counts output channels.</param>
internal record WeightLayout(int ChannelAxis)
{
    /// <summary>[out, in, ...]: a Linear or a convolution.</summary>
    public static WeightLayout OutputsFirst { get; } = new(0);

    /// <summary>[in, out]: a Conv1D, or an embedding's table [rows, width].</summary>
    public static WeightLayout OutputsLast { get; } = new(1);

    /// <summary>Of a parameter that A and B change by themselves: a matrix [out, in], or a stack of them.</summary>
    /// <param name="experts">How many matrices are stacked; null for one that is no stack.</param>
    /// <param name="hasInputsFirst">Whether the stack's matrices are [in, out].</param>
    public static WeightLayout OfParameter(long? experts, bool hasInputsFirst) => experts is long count ? new ExpertLayout(count, hasInputsFirst) : OutputsFirst;

    /// <summary>The shape of the weight that A and B belong to.</summary>
    public virtual long[] ShapeOf(long[] down, long[] up) => this == OutputsFirst ? [up[0], .. down[1..]] : [.. down[1..], up[0]];

    /// <summary>B A in the weight's shape, of A [rank, in, ...] and B [out, rank, ...].</summary>
    public virtual Tensor Product(Tensor down, Tensor up)
    {
        // For a convolution B has kernel 1, so its product with A is a product of matrices too.
        Tensor product = up.flatten(1).mm(down.flatten(1)); // [out, in ...]
        return this == OutputsFirst ? product.view([up.shape[0], .. down.shape[1..]]) : product.t();
    }

    /// <summary>The Euclidean norm of a weight over all but its output channels, [channels].</summary>
    public Tensor Norms(Tensor weight)
    {
        // Channels to the front, whatever the layout.
        Tensor rows = weight.transpose(0, ChannelAxis).flatten(1); // [channels, values]
        return rows.mul(rows).sum(1).sqrt();
    }

    /// <summary>Values of the channels in a shape that multiplies a weight of as many axes.</summary>
    public Tensor OverWeight(Tensor channels, long axes) =>
        channels.view([.. Enumerable.Range(0, (int)axes).Select(axis => axis == ChannelAxis ? -1L : 1L)]);

    /// <summary>DoRA's weight: the direction with the magnitude m of each channel, m / ‖W + s · B A‖ · (W + s · B A).</summary>
    public Tensor WithMagnitude(Tensor direction, Tensor magnitude) =>
        OverWeight(magnitude.view(-1) / Norms(direction), direction.dim()) * direction;
}
