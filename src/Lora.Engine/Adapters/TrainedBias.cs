using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// Trains a module's bias: y = (W x + b) + (b' - b), where b' starts at b. Written as a difference so that the base module is
/// never changed and the start is the base model bit for bit.
/// </summary>
internal sealed class TrainedBias : AdaptedLayer
{
    private readonly TrainableParameter trained;

    /// <param name="name">The dotted name of the module.</param>
    /// <param name="baseLayer">A module with a <c>bias</c> of shape [out].</param>
    /// <param name="arena">Where the trained bias lives.</param>
    /// <param name="isTargeted">Whether the module is adapted by LoRA as well, which decides the key (PEFT wraps such a module).</param>
    public TrainedBias(string name, nn.Module<Tensor, Tensor> baseLayer, ParameterArena arena, bool isTargeted)
        : base(name, baseLayer) =>
        trained = arena.Reserve(PeftKey.Of(name, isTargeted ? "base_layer.bias" : "bias"), BaseParameter("bias")!.shape);

    /// <inheritdoc/>
    public override void Initialize(Generator generator)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        trained.Value.copy_(BaseParameter("bias")!);
    }

    /// <inheritdoc/>
    public override void Merge()
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        BaseParameter("bias")!.copy_(trained.Value);
    }

    /// <inheritdoc/>
    protected override Tensor Adapt(Tensor input, Tensor output)
    {
        return output + (trained.Value - BaseParameter("bias")!).to(output.dtype);
    }
}
