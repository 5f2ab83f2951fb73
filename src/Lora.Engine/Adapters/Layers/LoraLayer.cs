using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>y = (W x + b) + s · B(A x); merged, W becomes W + s · B A.</summary>
/// <param name="name">The dotted name of the base module.</param>
/// <param name="baseLayer">The base module.</param>
/// <param name="product">s · B(A x) for the base module's kind.</param>
/// <param name="initialization">How A and B begin.</param>
internal sealed class LoraLayer(string name, nn.Module<Tensor, Tensor> baseLayer, LowRankProduct product, LoraInitialization initialization)
    : AdaptedLayer(name, baseLayer), ILowRankLayer
{
    /// <inheritdoc/>
    public LowRankProduct Product => product;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ChangedParameters => product.ScaledBias is null ? ["weight"] : ["weight", "bias"];

    /// <inheritdoc/>
    public override void Initialize(Generator generator) => product.Initialize(initialization, generator);

    /// <inheritdoc/>
    public override IEnumerable<WeightChange> Changes()
    {
        yield return new("weight", product.Delta());
        if (product.ScaledBias is Tensor bias)
        {
            // s times B's bias, which the output has whatever the input is.
            yield return new("bias", bias);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        product.Dispose();
    }

    /// <inheritdoc/>
    protected override Tensor? ChangeOf(Tensor input, Tensor output) => product.Of(product.Drop(input));
}
