using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>activation(gate) · up.</content>
internal sealed partial class TorchKernels
{
    /// <inheritdoc/>
    public void GateForward(GateActivation activation, Tensor gateUp, Tensor y)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] halves = gateUp.chunk(2, -1); // gate and up, each [tokens, intermediate]
        if (activation == GateActivation.Silu)
        {
            ResultInto.Silu(y, halves[0]);
            y.mul_(halves[1]);
        }
        else
        {
            ResultInto.Product(y, Gelu(halves[0]), halves[1]);
        }
    }

    /// <inheritdoc/>
    public void GateBackward(GateActivation activation, Tensor gateUp, Tensor dy, Tensor dGateUp)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] halves = gateUp.chunk(2, -1); // gate and up, each [tokens, intermediate]
        Tensor[] gradients = dGateUp.chunk(2, -1); // views of dGateUp
        ResultInto.Product(gradients[0], dy, halves[1]); // what comes to the activation
        if (activation == GateActivation.Silu)
        {
            ResultInto.SiluGradient(gradients[0], gradients[0], halves[0]);
            ResultInto.Silu(gradients[1], halves[0]);
            gradients[1].mul_(dy);
        }
        else
        {
            GeluGradientCall.Write(gradients[0], gradients[0], halves[0]);
            ResultInto.Product(gradients[1], Gelu(halves[0]), dy);
        }
    }

    private static Tensor Gelu(Tensor gate) => gate.gelu(TorchSharp.Modules.GELU.Approximate.tanh);
}
