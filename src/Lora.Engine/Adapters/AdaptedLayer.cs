using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// Something trainable that adds to the output of one module. It is attached as a forward hook, so the base module keeps its
/// weights and its place; merging writes the addition into the base weights instead.
/// </summary>
internal abstract class AdaptedLayer(string name, nn.Module<Tensor, Tensor> baseLayer) : IDisposable
{
    private nn.HookableModule<Func<nn.Module<Tensor, Tensor>, Tensor, Tensor>, Func<nn.Module<Tensor, Tensor>, Tensor, Tensor, Tensor>>.HookRemover? hook;

    /// <summary>The dotted name of the base module.</summary>
    public string Name { get; } = name;

    /// <summary>Whether the base module's output is adapted.</summary>
    public bool IsAttached => hook is not null;

    /// <summary>Sets the values that training starts from.</summary>
    public abstract void Initialize(Generator generator);

    /// <summary>Adapts the base module's output from now on.</summary>
    public void Attach() => hook ??= baseLayer.register_forward_hook((_, input, output) => Adapt(input, output));

    /// <summary>Gives the base module its own output back, bit for bit.</summary>
    public void Detach()
    {
        hook?.remove();
        hook = null;
    }

    /// <summary>Adds the adaptation to the base module's tensors. The layer has to be detached for the sum to count once.</summary>
    public abstract void Merge();

    /// <inheritdoc/>
    public virtual void Dispose() => Detach();

    /// <summary>The adapted output for an input and the base module's output.</summary>
    protected abstract Tensor Adapt(Tensor input, Tensor output);

    /// <summary>The base module's parameter of that name, or null.</summary>
    protected Tensor? BaseParameter(string parameter) =>
        baseLayer.named_parameters(recurse: false).FirstOrDefault(entry => entry.name == parameter).parameter;

    /// <summary>Adds a float32 change to a base tensor in float32 and rounds to its dtype once.</summary>
    protected static void AddOnce(Tensor parameter, Tensor change) => parameter.copy_(parameter.to(ScalarType.Float32) + change);
}
