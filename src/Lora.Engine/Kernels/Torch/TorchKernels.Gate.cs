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
        Activate(activation, halves[0], y);
        y.mul_(halves[1]);
    }

    /// <inheritdoc/>
    public void GateBackward(GateActivation activation, Tensor gateUp, Tensor dy, Tensor dGateUp)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] halves = gateUp.chunk(2, -1); // gate and up, each [tokens, intermediate]
        Tensor[] gradients = dGateUp.chunk(2, -1); // views of dGateUp

        // The slope of the activation times up, and the activation: dy multiplies both at once.
        if (activation == GateActivation.Silu)
        {
            ResultInto.SiluGradient(gradients[0], halves[1], halves[0]);
        }
        else
        {
            ActivationCall.TanhGeluGradient(gradients[0], halves[1], halves[0]);
        }

        Activate(activation, halves[0], gradients[1]);
        dGateUp.unflatten(dGateUp.dim() - 1, 2, dy.shape[^1]).mul_(dy.unsqueeze(-2));
    }

    private static void Activate(GateActivation activation, Tensor gate, Tensor y)
    {
        if (activation == GateActivation.Silu)
        {
            ResultInto.Silu(y, gate);
        }
        else
        {
            ActivationCall.TanhGelu(y, gate);
        }
    }
}
