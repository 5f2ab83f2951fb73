using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Tensors one after the other in one block of memory that every step uses again, let go in the opposite order: nothing is allocated, nothing lies
/// in pieces, and memory is what was planned.
/// </summary>
/// <param name="device">Of the tensors.</param>
internal sealed class TensorStack(Device device) : ITensorPlace, IDisposable
{
    // A cache line; no vector or tensor core asks for more.
    private const long Alignment = 64;

    // Hundreds of places that begin at a multiple of it need a little more than their bytes.
    private const double Slack = 1.01;
    private const long SmallestSlack = 256 * Alignment;

    private Tensor? memory; // [bytes]
    private nint first;

    /// <summary>Bytes of the block.</summary>
    public long Capacity => memory?.NumberOfElements ?? 0;

    /// <summary>Bytes that are taken, from the first.</summary>
    public long Used { get; private set; }

    /// <summary>Tensors that found no room and got memory of their own.</summary>
    public int Overflow { get; private set; }

    /// <summary>Makes room for so many bytes; only while nothing is taken.</summary>
    public void Reserve(long bytes)
    {
        long needed = (long)(Slack * bytes) + SmallestSlack;
        if (needed <= Capacity)
        {
            return;
        }

        memory?.Dispose();
        memory = empty([needed], dtype: ScalarType.Byte, device: device).DetachFromDisposeScope();
        first = TensorMemory.Address(memory);
        if (device.type == DeviceType.CPU)
        {
            LargePages.Advise(first, needed);
        }
    }

    /// <summary>A tensor on top; good until <see cref="Release"/> goes below it or the stack is disposed of.</summary>
    public Tensor Take(ScalarType type, params long[] shape)
    {
        long bytes = type.ElementSize() * shape.Aggregate(1L, (product, size) => product * size);
        if (Used + bytes > Capacity)
        {
            Overflow++;
            return empty(shape, dtype: type, device: device);
        }

        Tensor taken = TensorMemory.View(first + (nint)Used, type, shape, device);
        Used += (bytes + Alignment - 1) / Alignment * Alignment;
        return taken;
    }

    /// <summary>A copy on top.</summary>
    public Tensor Adopt(Tensor made)
    {
        Tensor taken = Take(made.dtype, made.shape);
        taken.copy_(made);
        made.Dispose();
        return taken;
    }

    /// <summary>Lets everything go that was taken since so many bytes were.</summary>
    public void Release(long used) => Used = used;

    /// <summary>Lets everything go that is taken from now on, when the result is disposed of.</summary>
    public Pass Begin() => new(this);

    /// <inheritdoc/>
    public void Dispose() => memory?.Dispose();

    /// <summary>A stretch of work whose tensors are let go together.</summary>
    internal readonly struct Pass(TensorStack stack) : IDisposable
    {
        private readonly long used = stack.Used;

        /// <inheritdoc/>
        public void Dispose() => stack.Release(used);
    }
}
