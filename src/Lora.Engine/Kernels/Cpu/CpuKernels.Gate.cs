using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>activation(gate) · up.</content>
internal sealed unsafe partial class CpuKernels<TLanes, TElement>
{
    /// <inheritdoc/>
    public void GateForward(GateActivation activation, Tensor gateUp, Tensor y)
    {
        if (activation == GateActivation.Silu)
        {
            GateForward<SiluGate>(gateUp, y);
        }
        else
        {
            GateForward<TanhGeluGate>(gateUp, y);
        }
    }

    /// <inheritdoc/>
    public void GateBackward(GateActivation activation, Tensor gateUp, Tensor dy, Tensor dGateUp)
    {
        if (activation == GateActivation.Silu)
        {
            GateBackward<SiluGate>(gateUp, dy, dGateUp);
        }
        else
        {
            GateBackward<TanhGeluGate>(gateUp, dy, dGateUp);
        }
    }

    // The activation is a type argument, so that the loop over a row has no call and no branch in it.
    private static void GateForward<TGate>(Tensor gateUp, Tensor y)
        where TGate : struct, IGate
    {
        Rows<TElement> inputs = Rows<TElement>.Of(gateUp);
        Rows<TElement> outputs = Rows<TElement>.Of(y);
        long width = y.shape[1];
        ParallelRows.For(y.shape[0], width, (begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                GateRow<TGate>(inputs[row], outputs[row], width);
            }
        });
    }

    private static void GateBackward<TGate>(Tensor gateUp, Tensor dy, Tensor dGateUp)
        where TGate : struct, IGate
    {
        Rows<TElement> inputs = Rows<TElement>.Of(gateUp);
        Rows<TElement> gradients = Rows<TElement>.Of(dy);
        Rows<TElement> results = Rows<TElement>.Of(dGateUp);
        long width = dy.shape[1];
        ParallelRows.For(dy.shape[0], width, (begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                GateGradientRow<TGate>(inputs[row], gradients[row], results[row], width);
            }
        });
    }

    private static void GateRow<TGate>(TElement* gateUp, TElement* y, long width)
        where TGate : struct, IGate
    {
        for (long at = 0; at < width; at += TLanes.Count)
        {
            TLanes gate = Vectors<TLanes, TElement>.Load(gateUp + at, width - at);
            TLanes up = Vectors<TLanes, TElement>.Load(gateUp + width + at, width - at);
            Vectors<TLanes, TElement>.Store(y + at, width - at, gate * Vectors<TLanes, TElement>.Sigmoid(TGate.Inner(gate)) * up);
        }
    }

    private static void GateGradientRow<TGate>(TElement* gateUp, TElement* dy, TElement* result, long width)
        where TGate : struct, IGate
    {
        TLanes one = TLanes.All(1f);
        for (long at = 0; at < width; at += TLanes.Count)
        {
            TLanes gate = Vectors<TLanes, TElement>.Load(gateUp + at, width - at);
            TLanes up = Vectors<TLanes, TElement>.Load(gateUp + width + at, width - at);
            TLanes gradient = Vectors<TLanes, TElement>.Load(dy + at, width - at);
            TLanes sigmoid = Vectors<TLanes, TElement>.Sigmoid(TGate.Inner(gate));
            TLanes active = gate * sigmoid; // activation(gate)
            TLanes slope = TLanes.Fused(active * TGate.Slope(gate), one - sigmoid, sigmoid); // σ + x σ s' (1 - σ)
            Vectors<TLanes, TElement>.Store(result + at, width - at, gradient * up * slope); // d gate
            Vectors<TLanes, TElement>.Store(result + width + at, width - at, gradient * active); // d up
        }
    }
}
