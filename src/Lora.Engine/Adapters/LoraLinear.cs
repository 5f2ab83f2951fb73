using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>y = (W x + b) + s · B(A x); merged, W becomes W + s · B A.</summary>
internal sealed class LoraLinear : AdaptedLayer
{
    private readonly LowRankProduct product;
    private readonly LoraInitialization initialization;

    /// <param name="target">The module's name, rank and scaling.</param>
    /// <param name="baseLayer">A module with a <c>weight</c> of shape [out, in].</param>
    /// <param name="settings">What the layers of one adapter share.</param>
    public LoraLinear(AdapterTarget target, nn.Module<Tensor, Tensor> baseLayer, AdapterSettings settings)
        : base(target.Module, baseLayer)
    {
        long[] shape = BaseParameter("weight")!.shape; // [out, in]
        product = new(target, shape[1], shape[0], settings.Arena, settings.Dropout, settings.WithBias);
        initialization = settings.Initialization;
    }

    /// <inheritdoc/>
    public override void Initialize(Generator generator) => product.Initialize(initialization, BaseParameter("weight")!, generator);

    /// <inheritdoc/>
    public override void Merge()
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        AddOnce(BaseParameter("weight")!, product.Delta());
        if (product.ScaledBias is Tensor addition && BaseParameter("bias") is Tensor bias)
        {
            AddOnce(bias, addition);
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        product.Dispose();
    }

    /// <inheritdoc/>
    protected override Tensor Adapt(Tensor input, Tensor output) => output + product.Of(input).to(output.dtype);
}
