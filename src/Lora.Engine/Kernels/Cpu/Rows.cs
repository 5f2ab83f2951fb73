using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>A tensor's memory as rows of its last dimension. The tensor has two or three dimensions and may be a slice.</summary>
internal readonly unsafe struct Rows<TElement>
    where TElement : unmanaged
{
    private readonly TElement* first;
    private readonly long inner;
    private readonly long outerStride;
    private readonly long innerStride;

    private Rows(TElement* first, long inner, long outerStride, long innerStride)
    {
        this.first = first;
        this.inner = inner;
        this.outerStride = outerStride;
        this.innerStride = innerStride;
    }

    /// <summary>A row's first value.</summary>
    // Two strides: rows of [tokens, heads, headSize] slices step by head within a token.
    public TElement* this[long row] => first + (row / inner * outerStride) + (row % inner * innerStride);

    /// <summary>The rows of [rows, width] or [outer, inner, width].</summary>
    public static Rows<TElement> Of(Tensor tensor)
    {
        long[] strides = tensor.stride();
        if (strides.Length is not (2 or 3) || strides[^1] != 1 || tensor.device_type != TorchSharp.DeviceType.CPU)
        {
            throw new ArgumentException($"A tensor of shape [{string.Join(", ", tensor.shape)}] with strides [{string.Join(", ", strides)}] has no rows in memory.");
        }

        TElement* first = Memory<TElement>(tensor);

        // Strides, not shapes: q, k and v are slices of one product and their rows are not adjacent.
        return strides.Length == 2 ? new(first, 1, strides[0], 0) : new(first, tensor.shape[1], strides[0], strides[1]);
    }

    /// <summary>The first value of a tensor in the CPU's memory; it stays where it is as long as the tensor lives.</summary>
    public static T* Memory<T>(Tensor tensor)
        where T : unmanaged => (T*)TensorMemory.Address(tensor);
}
