using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>A tensor's own memory.</summary>
internal static class TensorMemory
{
    // A span holds less than 2 GiB; larger tensors are written in slices.
    private const long SliceBytes = 1L << 30;

    /// <summary>Where a tensor's first value lies; it stays there as long as the tensor lives.</summary>
    public static nint Address(Tensor tensor)
    {
        Dispatcher.Check(TorchShim.DataPointer(tensor.Handle, out nint data), nameof(TorchShim.DataPointer));
        return data;
    }

    /// <summary>A contiguous tensor over memory that someone else owns and keeps for as long as the tensor lives.</summary>
    /// <param name="address">Of the first value.</param>
    /// <param name="type">Of the values.</param>
    /// <param name="shape">Of the tensor.</param>
    /// <param name="device">Where the memory is.</param>
    public static unsafe Tensor View(nint address, ScalarType type, ReadOnlySpan<long> shape, Device device)
    {
        Span<long> strides = stackalloc long[shape.Length];
        long stride = 1;
        for (int axis = shape.Length - 1; axis >= 0; axis--)
        {
            strides[axis] = stride;
            stride *= shape[axis];
        }

        fixed (long* sizes = shape, steps = strides)
        {
            // TorchSharp's numbers of dtypes and devices are libtorch's.
            Dispatcher.Check(
                TorchShim.TensorFromBlob(address, shape.Length, sizes, steps, 0, (int)type, (int)device.type, device.index, out nint handle),
                nameof(TorchShim.TensorFromBlob));
            return Tensor.UnsafeCreateTensor(handle);
        }
    }

    /// <summary>A stretch of a contiguous CPU tensor's bytes.</summary>
    /// <param name="tensor">The tensor; it has to live as long as the span is used.</param>
    /// <param name="skip">The bytes before the stretch.</param>
    /// <param name="length">The bytes of the stretch.</param>
    public static unsafe Span<byte> Bytes(Tensor tensor, long skip, int length) => new((byte*)Address(tensor) + skip, length);

    /// <summary>Writes the bytes of a contiguous CPU tensor.</summary>
    public static void Write(Tensor source, Stream destination)
    {
        long length = source.numel() * source.ElementSize;
        for (long start = 0; start < length; start += SliceBytes)
        {
            destination.Write(Bytes(source, start, (int)Math.Min(SliceBytes, length - start)));
        }
    }
}
