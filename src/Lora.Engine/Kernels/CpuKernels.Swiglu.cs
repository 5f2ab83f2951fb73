using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>silu(gate) · up.</content>
internal sealed unsafe partial class CpuKernels<TLanes, TElement>
{
    /// <inheritdoc/>
    public void SwigluForward(Tensor gateUp, Tensor y)
    {
        Rows<TElement> inputs = Rows<TElement>.Of(gateUp);
        Rows<TElement> outputs = Rows<TElement>.Of(y);
        long width = y.shape[1];
        ParallelRows.For(y.shape[0], width, (begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                SwigluRow(inputs[row], outputs[row], width);
            }
        });
    }

    /// <inheritdoc/>
    public void SwigluBackward(Tensor gateUp, Tensor dy, Tensor dGateUp)
    {
        Rows<TElement> inputs = Rows<TElement>.Of(gateUp);
        Rows<TElement> gradients = Rows<TElement>.Of(dy);
        Rows<TElement> results = Rows<TElement>.Of(dGateUp);
        long width = dy.shape[1];
        ParallelRows.For(dy.shape[0], width, (begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                SwigluGradientRow(inputs[row], gradients[row], results[row], width);
            }
        });
    }

    private static void SwigluRow(TElement* gateUp, TElement* y, long width)
    {
        for (long at = 0; at < width; at += TLanes.Count)
        {
            TLanes gate = Vectors<TLanes, TElement>.Load(gateUp + at, width - at);
            TLanes up = Vectors<TLanes, TElement>.Load(gateUp + width + at, width - at);
            Vectors<TLanes, TElement>.Store(y + at, width - at, gate * Vectors<TLanes, TElement>.Sigmoid(gate) * up);
        }
    }

    private static void SwigluGradientRow(TElement* gateUp, TElement* dy, TElement* result, long width)
    {
        TLanes one = TLanes.All(1f);
        for (long at = 0; at < width; at += TLanes.Count)
        {
            TLanes gate = Vectors<TLanes, TElement>.Load(gateUp + at, width - at);
            TLanes up = Vectors<TLanes, TElement>.Load(gateUp + width + at, width - at);
            TLanes gradient = Vectors<TLanes, TElement>.Load(dy + at, width - at);
            TLanes sigmoid = Vectors<TLanes, TElement>.Sigmoid(gate);
            TLanes silu = gate * sigmoid;
            Vectors<TLanes, TElement>.Store(result + at, width - at, gradient * up * TLanes.Fused(silu, one - sigmoid, sigmoid));
            Vectors<TLanes, TElement>.Store(result + width + at, width - at, gradient * silu);
        }
    }
}
