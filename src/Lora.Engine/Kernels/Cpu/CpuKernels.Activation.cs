using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>Activations of MLPs without a gate.</content>
internal sealed unsafe partial class CpuKernels<TLanes, TElement>
{
    /// <inheritdoc/>
    public void ActivationForward(PlainActivation activation, Tensor x, Tensor y)
    {
        switch (activation)
        {
            case PlainActivation.Gelu: ActivationForward<ErrorGelu>(x, y); break;
            case PlainActivation.TanhGelu: ActivationForward<SigmoidActivation<TanhGeluGate>>(x, y); break;
            case PlainActivation.QuickGelu: ActivationForward<SigmoidActivation<QuickGeluGate>>(x, y); break;
            case PlainActivation.Relu: ActivationForward<Relu>(x, y); break;
            default: ActivationForward<SigmoidActivation<SiluGate>>(x, y); break;
        }
    }

    /// <inheritdoc/>
    public void ActivationBackward(PlainActivation activation, Tensor x, Tensor dy, Tensor dx)
    {
        switch (activation)
        {
            case PlainActivation.Gelu: ActivationBackward<ErrorGelu>(x, dy, dx); break;
            case PlainActivation.TanhGelu: ActivationBackward<SigmoidActivation<TanhGeluGate>>(x, dy, dx); break;
            case PlainActivation.QuickGelu: ActivationBackward<SigmoidActivation<QuickGeluGate>>(x, dy, dx); break;
            case PlainActivation.Relu: ActivationBackward<Relu>(x, dy, dx); break;
            default: ActivationBackward<SigmoidActivation<SiluGate>>(x, dy, dx); break;
        }
    }

    // The activation is a type argument, so that the loop over a row has no call and no branch in it.
    private static void ActivationForward<TActivation>(Tensor x, Tensor y)
        where TActivation : struct, IActivation
    {
        Rows<TElement> inputs = Rows<TElement>.Of(x);
        Rows<TElement> outputs = Rows<TElement>.Of(y);
        long width = x.shape[1];
        ParallelRows.For(x.shape[0], width, (begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                ActivationRow<TActivation>(inputs[row], outputs[row], width);
            }
        });
    }

    private static void ActivationBackward<TActivation>(Tensor x, Tensor dy, Tensor dx)
        where TActivation : struct, IActivation
    {
        Rows<TElement> inputs = Rows<TElement>.Of(x);
        Rows<TElement> gradients = Rows<TElement>.Of(dy);
        Rows<TElement> results = Rows<TElement>.Of(dx);
        long width = x.shape[1];
        ParallelRows.For(x.shape[0], width, (begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                ActivationGradientRow<TActivation>(inputs[row], gradients[row], results[row], width);
            }
        });
    }

    private static void ActivationRow<TActivation>(TElement* x, TElement* y, long width)
        where TActivation : struct, IActivation
    {
        for (long at = 0; at < width; at += TLanes.Count)
        {
            Vectors<TLanes, TElement>.Store(y + at, width - at, TActivation.Of(Vectors<TLanes, TElement>.Load(x + at, width - at)));
        }
    }

    private static void ActivationGradientRow<TActivation>(TElement* x, TElement* dy, TElement* dx, long width)
        where TActivation : struct, IActivation
    {
        for (long at = 0; at < width; at += TLanes.Count)
        {
            TLanes slope = TActivation.Slope(Vectors<TLanes, TElement>.Load(x + at, width - at));
            Vectors<TLanes, TElement>.Store(dx + at, width - at, slope * Vectors<TLanes, TElement>.Load(dy + at, width - at));
        }
    }
}
