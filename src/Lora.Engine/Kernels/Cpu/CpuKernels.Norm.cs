using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>The kernels as vector code over the tensors' memory, computed in float32, on libtorch's threads. A row never leaves its thread, so results repeat bit for bit.</summary>
/// <typeparam name="TLanes">The vector.</typeparam>
/// <typeparam name="TElement">The dtype of the activations.</typeparam>
internal sealed unsafe partial class CpuKernels<TLanes, TElement> : IKernels, ITileSoftmax
    where TLanes : unmanaged, ILanes<TLanes>
    where TElement : unmanaged, IElement<TElement>
{
    /// <inheritdoc/>
    public bool MakesResults => false;

    /// <inheritdoc/>
    public IAttention Attention(AttentionHeads shape, ScalarType type, TensorStack scratch) => new TiledAttention(this, shape, scratch, sizeof(TElement));

    /// <inheritdoc/>
    public long Workspace(long tokens, KernelWidths widths) => 0;

    /// <inheritdoc/>
    public (Tensor Normal, Tensor Scale) NormForward(Tensor x, NormWeight weight, double epsilon, TensorStack place, TensorStack scalePlace)
    {
        long width = x.shape[^1];
        long count = x.numel() / width;
        Tensor y = place.Take(x.dtype, x.shape);
        Tensor scale = scalePlace.Take(weight.Wide.dtype, count);
        Rows<TElement> inputs = Rows<TElement>.Of(x);
        Rows<TElement> outputs = Rows<TElement>.Of(y);
        float* weights = Rows<float>.Memory<float>(weight.Wide);
        float* scales = Rows<float>.Memory<float>(scale);
        long period = weight.Wide.numel() / width; // heads with weights of their own
        ParallelRows.For(count, width, (begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                scales[row] = NormRow(inputs[row], weights + (row % period * width), epsilon, outputs[row], width);
            }
        });
        return (y, scale);
    }

    /// <inheritdoc/>
    public void NormBackward(Tensor x, NormWeight weight, Tensor scale, Tensor dy, Tensor dx, bool accumulate)
    {
        Rows<TElement> inputs = Rows<TElement>.Of(x);
        Rows<TElement> gradients = Rows<TElement>.Of(dy);
        Rows<TElement> results = Rows<TElement>.Of(dx);
        float* weights = Rows<float>.Memory<float>(weight.Wide);
        float* scales = Rows<float>.Memory<float>(scale);
        long width = x.shape[^1];
        long period = weight.Wide.numel() / width;
        ParallelRows.For(x.numel() / width, width, (begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                NormGradientRow(inputs[row], weights + (row % period * width), scales[row], gradients[row], results[row], width, accumulate);
            }
        });
    }

    private static float NormRow(TElement* x, float* weight, double epsilon, TElement* y, long width)
    {
        TLanes squares = TLanes.All(0f);
        for (long at = 0; at < width; at += TLanes.Count)
        {
            TLanes value = Vectors<TLanes, TElement>.Load(x + at, width - at);

            // Behind the row's end a load gives zeros, which add nothing to the sum.
            squares = TLanes.Fused(value, value, squares);
        }

        // In double: once a row it costs nothing, and the quotient is rounded once.
        float scale = (float)(1 / Math.Sqrt((squares.Sum() / width) + epsilon));
        for (long at = 0; at < width; at += TLanes.Count)
        {
            TLanes value = Vectors<TLanes, TElement>.Load(x + at, width - at) * TLanes.All(scale);
            Vectors<TLanes, TElement>.Store(y + at, width - at, value * Wide(weight + at, width - at));
        }

        return scale;
    }

    private static void NormGradientRow(TElement* x, float* weight, float scale, TElement* dy, TElement* dx, long width, bool accumulate)
    {
        TLanes products = TLanes.All(0f);
        for (long at = 0; at < width; at += TLanes.Count)
        {
            TLanes weighted = Vectors<TLanes, TElement>.Load(dy + at, width - at) * Wide(weight + at, width - at);
            products = TLanes.Fused(weighted, Vectors<TLanes, TElement>.Load(x + at, width - at), products);
        }

        // mean(w dy x) scale²: how far the gradient points along x, which the norm takes out.
        TLanes along = TLanes.All(products.Sum() / width * scale * scale);
        for (long at = 0; at < width; at += TLanes.Count)
        {
            TLanes weighted = Vectors<TLanes, TElement>.Load(dy + at, width - at) * Wide(weight + at, width - at);

            // x is read again and dy may be dx: a value is written only after both were loaded.
            TLanes result = (weighted - (Vectors<TLanes, TElement>.Load(x + at, width - at) * along)) * TLanes.All(scale);
            Vectors<TLanes, TElement>.Store(dx + at, width - at, accumulate ? result + Vectors<TLanes, TElement>.Load(dx + at, width - at) : result);
        }
    }

    private static TLanes Wide(float* source, long remaining) => Vectors<TLanes, SingleElement>.Load((SingleElement*)source, remaining);
}
