using Lora.Models;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// y = b + g · (W x + s · B(A x)) with g = m / ‖W + s · B A‖ per output channel (DoRA, arXiv 2402.09353): the magnitude m is trained apart
/// from the direction. The norm counts as a constant for gradients, as the paper's section 4.3 has it. Merged, W becomes g · (W + s · B A).
/// </summary>
internal sealed class DoraLayer : AdaptedLayer, ILowRankLayer
{
    private readonly LoraInitialization initialization;
    private readonly ParameterArena arena;
    private readonly TrainableParameter magnitude;

    /// <param name="target">The module's name, rank and scaling.</param>
    /// <param name="baseLayer">The base module.</param>
    /// <param name="product">s · B(A x) for the base module's kind.</param>
    /// <param name="magnitudeShape">The shape of m as PEFT stores it.</param>
    /// <param name="settings">What the layers of one adapter share.</param>
    public DoraLayer(AdapterTarget target, nn.Module<Tensor, Tensor> baseLayer, LowRankProduct product, long[] magnitudeShape, AdapterSettings settings)
        : base(target.Module, baseLayer)
    {
        Product = product;
        initialization = settings.Initialization;
        arena = settings.Arena;

        // Among the trained values, so that optimiser, clipping and saving need to know nothing of DoRA.
        magnitude = settings.Arena.Reserve(PeftKey.Of(target.Module, PeftKey.Magnitude), magnitudeShape);
    }

    /// <inheritdoc/>
    public LowRankProduct Product { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ChangedParameters => ["weight"];

    /// <summary>g as it is now, [channels], float32.</summary>
    public Tensor OutputScale() => Scale(Direction());

    /// <summary>Where m lies among the trained values.</summary>
    public TrainedMagnitude Magnitude => new(arena.Values, arena.Gradients, magnitude.Offset);

    /// <summary>Sets A and B, and m to the norm that makes g one.</summary>
    public override void Initialize(Generator generator)
    {
        using IDisposable noGradient = no_grad();
        Product.Initialize(initialization, generator);

        // With m at the norm g is one, and the layer begins as plain LoRA does.
        magnitude.Value.copy_(Product.Layout.Norms(Direction()).view(magnitude.Shape));
    }

    /// <inheritdoc/>
    public override IEnumerable<WeightChange> Changes()
    {
        // As an addition, like LoRA's, so that several adapters merge by one rule.
        yield return new("weight", Product.Layout.WithMagnitude(Direction(), magnitude.Value) - Product.Weight);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        Product.Dispose();
    }

    /// <inheritdoc/>
    protected override Tensor? ChangeOf(Tensor input, Tensor output)
    {
        // W x + b is in the output already, so what is added is (g - 1) W x + g s B A x; the bias is not scaled.
        Tensor dropped = Product.Drop(input);
        Tensor scale = Product.OverOutput(Scale(Direction())); // g
        return (scale.Plus(-1) * BaseProduct(dropped, output)).Plus(scale * Product.Of(dropped));
    }

    /// <summary>W x: the output without the bias, unless the module computed it from another input or from other weights.</summary>
    private Tensor BaseProduct(Tensor dropped, Tensor output)
    {
        // Where the output is W x of this very input, W x is taken from it: one product of W's size is saved.
        if (Product.IsDropping || Module.IsExchanged("weight"))
        {
            return Product.Base(dropped);
        }

        Tensor exact = output.to(ScalarType.Float32); // [..., out]
        return Module.Parameter("bias") is Tensor bias ? exact - Product.OverOutput(bias.to(ScalarType.Float32)) : exact;
    }

    /// <summary>W + s · B A.</summary>
    private Tensor Direction()
    {
        using IDisposable noGradient = no_grad();

        // Without gradients: the norm is a constant to them, and autograd keeps no [out, in] of the sum.
        return Product.Weight.Plus(Product.Delta());
    }

    /// <summary>g, [channels].</summary>
    private Tensor Scale(Tensor direction) => magnitude.Value.view(-1) / Product.Layout.Norms(direction);
}
