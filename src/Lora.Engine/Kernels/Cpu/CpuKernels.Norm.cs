using System.Runtime.CompilerServices;
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
    public (Tensor Normal, NormState State) NormForward(Tensor x, NormWeight weight, double epsilon, TensorStack place, TensorStack statePlace)
    {
        long width = x.shape[^1];
        long count = x.numel() / width;
        Tensor y = place.Take(x.dtype, x.shape);
        NormState state = new(statePlace.Take(weight.Wide.dtype, count), weight.Shift is null ? null : statePlace.Take(weight.Wide.dtype, count));
        Rows<TElement> inputs = Rows<TElement>.Of(x);
        Rows<TElement> outputs = Rows<TElement>.Of(y);
        float* weights = Rows<float>.Memory<float>(weight.Wide);
        float* scales = Rows<float>.Memory<float>(state.Scale);
        long period = weight.Wide.numel() / width; // heads with weights of their own
        if (state.Mean is Tensor mean)
        {
            float* shifts = Rows<float>.Memory<float>(weight.Shift!.Wide);
            float* means = Rows<float>.Memory<float>(mean);
            ParallelRows.For(count, width, (begin, end) =>
            {
                for (long row = begin; row < end; row++)
                {
                    long first = row % period * width;
                    (means[row], scales[row]) = LayerNormRow(inputs[row], weights + first, shifts + first, epsilon, outputs[row], width);
                }
            });
            return (y, state);
        }

        ParallelRows.For(count, width, (begin, end) =>
        {
            for (long row = begin; row < end; row++)
            {
                scales[row] = NormRow(inputs[row], weights + (row % period * width), epsilon, outputs[row], width);
            }
        });
        return (y, state);
    }

    /// <inheritdoc/>
    public Tensor NormBackward(Tensor x, NormWeight weight, NormState state, Tensor dy, TensorStack place)
    {
        Tensor dx = place.Take(dy.dtype, dy.shape);
        NormBackward(x, weight, state, dy, dx, accumulate: false);
        return dx;
    }

    /// <inheritdoc/>
    public void NormBackward(Tensor x, NormWeight weight, NormState state, Tensor dy, Tensor dx, bool accumulate)
    {
        Rows<TElement> inputs = Rows<TElement>.Of(x);
        Rows<TElement> gradients = Rows<TElement>.Of(dy);
        Rows<TElement> results = Rows<TElement>.Of(dx);
        float* weights = Rows<float>.Memory<float>(weight.Wide);
        float* scales = Rows<float>.Memory<float>(state.Scale);
        long width = x.shape[^1];
        long period = weight.Wide.numel() / width;
        if (state.Mean is Tensor mean)
        {
            float* means = Rows<float>.Memory<float>(mean);
            ParallelRows.For(x.numel() / width, width, (begin, end) =>
            {
                for (long row = begin; row < end; row++)
                {
                    LayerNormGradientRow(inputs[row], weights + (row % period * width), means[row], scales[row], gradients[row], results[row], width, accumulate);
                }
            });
            return;
        }

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
        long at = 0;
        for (; at + TLanes.Count <= width; at += TLanes.Count)
        {
            squares = AddSquare(x + at, TLanes.Count, squares);
        }

        squares = at < width ? AddSquare(x + at, width - at, squares) : squares;

        // In double: once a row it costs nothing, and the quotient is rounded once.
        float scale = (float)(1 / Math.Sqrt((squares.Sum() / width) + epsilon));
        for (at = 0; at + TLanes.Count <= width; at += TLanes.Count)
        {
            Normalize(x + at, weight + at, scale, y + at, TLanes.Count);
        }

        if (at < width)
        {
            Normalize(x + at, weight + at, scale, y + at, width - at);
        }

        return scale;
    }

    private static void NormGradientRow(TElement* x, float* weight, float scale, TElement* dy, TElement* dx, long width, bool accumulate)
    {
        TLanes products = TLanes.All(0f);
        long at = 0;
        for (; at + TLanes.Count <= width; at += TLanes.Count)
        {
            products = AddProduct(x + at, weight + at, dy + at, TLanes.Count, products);
        }

        products = at < width ? AddProduct(x + at, weight + at, dy + at, width - at, products) : products;

        // mean(w dy x) scale²: how far the gradient points along x, which the norm takes out.
        TLanes along = TLanes.All(products.Sum() / width * scale * scale);
        for (at = 0; at + TLanes.Count <= width; at += TLanes.Count)
        {
            WriteNormGradient(x + at, weight + at, scale, along, dy + at, dx + at, TLanes.Count, accumulate);
        }

        if (at < width)
        {
            WriteNormGradient(x + at, weight + at, scale, along, dy + at, dx + at, width - at, accumulate);
        }
    }

    // A vector's work, of values to a row's end. Loops give the whole vector's number, a constant, and so have no branch in them, which would
    // cost several times what the values do.

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes AddSquare(TElement* x, long remaining, TLanes squares)
    {
        // Behind the row's end a load gives zeros, which add nothing to the sum.
        TLanes value = Vectors<TLanes, TElement>.Load(x, remaining);
        return TLanes.Fused(value, value, squares);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Normalize(TElement* x, float* weight, float scale, TElement* y, long remaining) => Vectors<TLanes, TElement>.Store(
        y, remaining, Vectors<TLanes, TElement>.Load(x, remaining) * TLanes.All(scale) * Wide(weight, remaining));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes AddProduct(TElement* x, float* weight, TElement* dy, long remaining, TLanes products) => TLanes.Fused(
        Vectors<TLanes, TElement>.Load(dy, remaining) * Wide(weight, remaining), Vectors<TLanes, TElement>.Load(x, remaining), products);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteNormGradient(TElement* x, float* weight, float scale, TLanes along, TElement* dy, TElement* dx, long remaining, bool accumulate)
    {
        TLanes weighted = Vectors<TLanes, TElement>.Load(dy, remaining) * Wide(weight, remaining);

        // x is read again and dy may be dx: a value is written only after both were loaded.
        TLanes result = (weighted - (Vectors<TLanes, TElement>.Load(x, remaining) * along)) * TLanes.All(scale);
        Vectors<TLanes, TElement>.Store(dx, remaining, accumulate ? result + Vectors<TLanes, TElement>.Load(dx, remaining) : result);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Wide(float* source, long remaining) => Vectors<TLanes, SingleElement>.Load((SingleElement*)source, remaining);
}
