using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// Something trainable at one module. It is attached as a forward hook, so the base module keeps its weights and its place; merging
/// writes what it amounts to into the base weights instead.
/// </summary>
internal abstract class AdaptedLayer(string name, nn.Module<Tensor, Tensor> baseLayer) : IDisposable
{
    private nn.HookableModule<Func<nn.Module<Tensor, Tensor>, Tensor, Tensor>, Func<nn.Module<Tensor, Tensor>, Tensor, Tensor, Tensor>>.HookRemover? hook;

    /// <summary>The dotted name of the base module.</summary>
    public string Name { get; } = name;

    /// <summary>The module that is adapted.</summary>
    public nn.Module<Tensor, Tensor> BaseLayer { get; } = baseLayer;

    /// <summary>Whether the base module's output is adapted.</summary>
    public bool IsAttached => hook is not null;

    /// <summary>Whether a forward ever came through here; a model that calls its modules' <c>forward</c> instead of <c>call</c> passes by.</summary>
    public bool WasReached { get; private set; }

    /// <summary>Sets the values that training starts from.</summary>
    public abstract void Initialize(Generator generator);

    /// <summary>What merging adds to the base module's parameters.</summary>
    public abstract IEnumerable<WeightChange> Changes();

    /// <summary>Adapts the base module's output from now on.</summary>
    public virtual void Attach() => hook ??= BaseLayer.register_forward_hook((_, input, output) =>
    {
        WasReached = true;
        return Adapt(input, output);
    });

    /// <summary>Gives the base module its own output back, bit for bit.</summary>
    public virtual void Detach()
    {
        hook?.remove();
        hook = null;
    }

    /// <summary>Adds gradients that were taken in the base's dtype to the float32 ones of the run; called after each backward.</summary>
    public virtual void GatherGradients()
    {
    }

    /// <inheritdoc/>
    public virtual void Dispose() => Detach();

    /// <summary>The adapted output for an input and the base module's output.</summary>
    protected abstract Tensor Adapt(Tensor input, Tensor output);

    /// <summary>The base module's parameter of that name, or null.</summary>
    protected Parameter? BaseParameter(string parameter) => BaseLayer.OwnParameter(parameter);
}
