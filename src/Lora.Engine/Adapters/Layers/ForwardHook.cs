using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>Has something done before each forward of a module, whatever tensors it takes. Disposing ends it.</summary>
internal sealed class ForwardHook : IDisposable
{
    private Action? remove;

    private ForwardHook(Action remove) => this.remove = remove;

    /// <summary>Begins; null for a module whose forward takes something else than one to three tensors, which TorchSharp gives no hook without its types.</summary>
    public static ForwardHook? Before(nn.Module module, Action action) => module switch
    {
        nn.Module<Tensor, Tensor> one => new(one.register_forward_pre_hook((_, input) => Done(action, input)).remove),
        nn.Module<Tensor, Tensor, Tensor> two => new(two.register_forward_pre_hook((_, first, second) => Done<(Tensor, Tensor)?>(action, (first, second))).remove),
        nn.Module<Tensor, Tensor, Tensor, Tensor> three =>
            new(three.register_forward_pre_hook((_, first, second, third) => Done<(Tensor, Tensor, Tensor)?>(action, (first, second, third))).remove),
        _ => null,
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        remove?.Invoke();
        remove = null;
    }

    private static T Done<T>(Action action, T input)
    {
        action();
        return input;
    }
}
