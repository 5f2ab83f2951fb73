using Lora.Models;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// s · B A x with A [rank, in] and B [out, rank]; for a weight stored [in, out], as Conv1D has it, only the change of the weight is transposed.
/// </summary>
internal sealed class LinearProduct : LowRankProduct
{
    private readonly bool isTransposed;

    /// <param name="target">The module's name, rank and scaling.</param>
    /// <param name="baseLayer">A module with a two-dimensional <c>weight</c>.</param>
    /// <param name="settings">What the layers of one adapter share.</param>
    /// <param name="isTransposed">Whether the weight is stored [in, out] (PEFT's fan_in_fan_out).</param>
    public LinearProduct(AdapterTarget target, nn.Module<Tensor, Tensor> baseLayer, AdapterSettings settings, bool isTransposed)
        : base(target, baseLayer, ShapeOf(target.Rank, baseLayer.OwnParameter("weight")!.shape, isTransposed), settings) =>
        this.isTransposed = isTransposed;

    /// <summary>A, B and their gradients; null when B has a bias.</summary>
    public LowRankFactors? Factors => PlainFactors;

    /// <summary>The same, also where B has a bias, which is not among them.</summary>
    public LowRankFactors AllFactors => ProductFactors;

    /// <inheritdoc/>
    public override WeightLayout Layout => isTransposed ? WeightLayout.OutputsLast : WeightLayout.OutputsFirst;

    /// <inheritdoc/>
    public override Tensor Base(Tensor dropped) => nn.functional.linear(dropped, Oriented(Weight));

    /// <inheritdoc/>
    protected override Tensor Apply(Tensor input, Tensor down, Tensor up) =>
        nn.functional.linear(nn.functional.linear(input, down), up); // [..., rank], then [..., out]

    /// <inheritdoc/>
    protected override void Fill(LoraInitialization initialization, Tensor down, Tensor up, double scaling, Generator generator) =>
        initialization.Fill(down, up, () => Oriented(Weight), scaling, generator);

    private Tensor Oriented(Tensor matrix) => isTransposed ? matrix.t() : matrix;

    private static LowRankShape ShapeOf(int rank, long[] weight, bool isTransposed)
    {
        // A and B are [rank, in] and [out, rank] whichever way the weight lies; PEFT stores them so.
        (long outputs, long inputs) = isTransposed ? (weight[1], weight[0]) : (weight[0], weight[1]);
        return new([rank, inputs], [outputs, rank]);
    }
}
