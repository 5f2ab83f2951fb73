using System.Runtime.ExceptionServices;
using Lora.Checkpoints;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Reads stored tensors into tensors, slice by slice on several threads. Where dtype and device are those of the file, slices are read straight
/// into place; where not, each thread has a buffer of one slice.
/// </summary>
internal static class WeightReader
{
    private const int SliceBytes = 4 << 20;

    // Below the size from which libtorch shares a conversion out over threads of its own.
    private const int ConvertedValues = 16384;

    /// <summary>Fills contiguous tensors with stored ones of their shapes.</summary>
    /// <param name="tensors">What is filled, and with what.</param>
    /// <param name="checkpoint">Where it is read from.</param>
    /// <param name="onRead">Told of bytes that were read, on several threads.</param>
    /// <param name="cancellation">Checked before each slice.</param>
    /// <exception cref="LoraException">A file is unreadable or was cut off since it was opened.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the tensors have some of their values.</exception>
    public static void Fill(
        IEnumerable<(Tensor Destination, TensorInfo Source)> tensors, Checkpoint checkpoint, Action<long>? onRead = null, CancellationToken cancellation = default)
    {
        IEnumerable<(Tensor Destination, TensorInfo Source, long First, int Count)> slices =
            from tensor in tensors
            let size = SliceSize(tensor.Destination, tensor.Source)
            from slice in Enumerable.Range(0, (int)((tensor.Source.ElementCount + size - 1) / size))
            let first = (long)slice * size
            select (tensor.Destination, tensor.Source, first, (int)Math.Min(size, tensor.Source.ElementCount - first));
        try
        {
            Parallel.ForEach(
                slices.ToArray(),
                new ParallelOptions { CancellationToken = cancellation },
                () => new SliceBuffers(),
                (slice, _, buffers) =>
                {
                    Read(slice.Destination, slice.Source, slice.First, slice.Count, buffers, checkpoint);
                    onRead?.Invoke(slice.Count * (long)TensorType.Of(slice.Source.DataType).ElementSize());
                    return buffers;
                },
                buffers => buffers.Dispose());
        }
        catch (AggregateException exception)
        {
            // The first failure itself, with its own trace: a caller asks for a LoraException and not for what wraps it.
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }
    }

    private static void Read(Tensor destination, TensorInfo source, long first, int count, SliceBuffers buffers, Checkpoint checkpoint)
    {
        ScalarType stored = TensorType.Of(source.DataType);
        long width = stored.ElementSize();
        if (IsAsStored(destination, source))
        {
            checkpoint.Read(source, first * width, TensorMemory.Bytes(destination, first * width, (int)(count * width)));
            return;
        }

        // copy_ converts the dtype, or moves the slice to the device; the buffer is all the memory that it takes on top.
        using Tensor slice = buffers.Of(stored, SliceSize(destination, source)).narrow(0, 0, count);
        checkpoint.Read(source, first * width, TensorMemory.Bytes(slice, 0, (int)(count * width)));
        using Tensor flat = destination.view(-1);
        using Tensor part = flat.narrow(0, first, count);
        part.copy_(slice);
    }

    private static bool IsAsStored(Tensor destination, TensorInfo source) =>
        destination.device_type == DeviceType.CPU && destination.dtype == TensorType.Of(source.DataType);

    private static long SliceSize(Tensor destination, TensorInfo source) =>
        destination.device_type == DeviceType.CPU && !IsAsStored(destination, source) ? ConvertedValues : SliceBytes / TensorType.Of(source.DataType).ElementSize();

    /// <summary>One thread's buffers, by dtype.</summary>
    private sealed class SliceBuffers : IDisposable
    {
        private readonly Dictionary<ScalarType, Tensor> buffers = [];

        public Tensor Of(ScalarType type, long count)
        {
            if (!buffers.TryGetValue(type, out Tensor? buffer))
            {
                buffer = empty([count], dtype: type, device: CPU);
                buffers.Add(type, buffer);
            }

            return buffer;
        }

        public void Dispose() => buffers.Values.ToList().ForEach(buffer => buffer.Dispose());
    }
}
