using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>Activations of MLPs without a gate.</content>
internal sealed partial class TorchKernels
{
    /// <inheritdoc/>
    public void ActivationForward(PlainActivation activation, Tensor x, Tensor y)
    {
        using DisposeScope scope = NewDisposeScope();
        switch (activation)
        {
            case PlainActivation.Gelu: ActivationCall.Gelu(y, x); break;
            case PlainActivation.TanhGelu: ActivationCall.TanhGelu(y, x); break;
            case PlainActivation.Relu: ActivationCall.Relu(y, x); break;
            case PlainActivation.Silu: ResultInto.Silu(y, x); break;
            default:
                // silu(f x) / f, whose slope at x is that of silu at f x.
                ResultInto.Product(y, x, QuickFactor(x));
                ResultInto.Silu(y, y);
                y.Multiply(1 / QuickGeluGate.Factor);
                break;
        }
    }

    /// <inheritdoc/>
    public void ActivationBackward(PlainActivation activation, Tensor x, Tensor dy, Tensor dx)
    {
        using DisposeScope scope = NewDisposeScope();
        switch (activation)
        {
            case PlainActivation.Gelu: ActivationCall.GeluGradient(dx, dy, x); break;
            case PlainActivation.TanhGelu: ActivationCall.TanhGeluGradient(dx, dy, x); break;
            case PlainActivation.Relu: ActivationCall.ReluGradient(dx, dy, x); break;
            case PlainActivation.Silu: ResultInto.SiluGradient(dx, dy, x); break;
            default:
                ResultInto.Product(dx, x, QuickFactor(x));
                ResultInto.SiluGradient(dx, dy, dx);
                break;
        }
    }

    private static Tensor QuickFactor(Tensor x) => Arithmetic.Full([], QuickGeluGate.Factor, Wide(x), x.device);
}
