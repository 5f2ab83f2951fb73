using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>
/// Tensors one after the other in one block of memory that every step uses again, let go in the opposite order: nothing is allocated, nothing lies
/// in pieces, and memory is what was planned. The stack owns its tensors; a step finds the same ones as the step before where its shapes are the same.
/// </summary>
/// <param name="device">Of the tensors.</param>
internal sealed class TensorStack(Device device) : IDisposable
{
    // A cache line; no vector or tensor core asks for more.
    private const long Alignment = 64;

    // Hundreds of places that begin at a multiple of it need a little more than their bytes.
    private const double Slack = 1.01;
    private const long SmallestSlack = 256 * Alignment;

    private readonly Dictionary<Place, Tensor> views = [];
    private readonly HashSet<Place> current = [];
    private readonly List<Tensor> beside = [];
    private Tensor? memory; // [bytes]
    private nint first;

    /// <summary>Where its tensors are.</summary>
    public Device Device => device;

    /// <summary>Bytes of the block.</summary>
    public long Capacity => memory?.NumberOfElements ?? 0;

    /// <summary>How much is taken.</summary>
    public Mark Top { get; private set; }

    /// <summary>Tensors that found no room, ever, and got memory of their own.</summary>
    public int Overflow { get; private set; }

    /// <summary>Makes room for so many bytes; only while nothing is taken.</summary>
    public void Reserve(long bytes)
    {
        long needed = (long)(Slack * bytes) + SmallestSlack;
        if (needed <= Capacity)
        {
            return;
        }

        // The old block goes first: both at once would be more than was planned.
        Dispose();
        memory = empty([needed], dtype: ScalarType.Byte, device: device).DetachFromDisposeScope();
        first = TensorMemory.Address(memory);
        if (device.type == DeviceType.CPU)
        {
            LargePages.Advise(first, needed);
        }
    }

    /// <summary>A tensor of at most three dimensions on top; good until the stack is released below it.</summary>
    public Tensor Take(ScalarType type, params long[] shape)
    {
        long bytes = type.ElementSize() * shape.Aggregate(1L, (product, size) => product * size);
        if (Top.Used + bytes > Capacity)
        {
            // A plan that was too small costs some speed and memory, not the run; tests hold the count at zero.
            Overflow++;
            beside.Add(empty(shape, dtype: type, device: device).DetachFromDisposeScope());
            Top = Top with { Beside = beside.Count };
            return beside[^1];
        }

        Tensor taken = View(Top.Used, type, shape);

        // Rounded up, so that the next tensor begins at a cache line of its own.
        Top = Top with { Used = Top.Used + ((bytes + Alignment - 1) / Alignment * Alignment) };
        return taken;
    }

    /// <summary>Takes over a tensor that an operator made, in memory of its own; it goes with what is taken here before and after it.</summary>
    public Tensor Adopt(Tensor made)
    {
        beside.Add(made.DetachFromDisposeScope());
        Top = Top with { Beside = beside.Count };
        return made;
    }

    /// <summary>Lets everything go that was taken since so much was.</summary>
    public void Release(Mark mark)
    {
        beside[mark.Beside..].ForEach(tensor => tensor.Dispose());
        beside.RemoveRange(mark.Beside, beside.Count - mark.Beside);
        Top = mark;
    }

    /// <summary>Lets everything go. Tensors that this step did not take are disposed of: batches of ever new lengths would leave them without end.</summary>
    public void EndStep()
    {
        Release(default);
        DisposeViews(place => !current.Contains(place));
        current.Clear();
    }

    /// <summary>Lets everything go that is taken from now on, when the result is disposed of.</summary>
    public Pass Begin() => new(this);

    /// <inheritdoc/>
    public void Dispose()
    {
        Release(default);
        DisposeViews(_ => true);
        memory?.Dispose();
        memory = null;
    }

    private Tensor View(long offset, ScalarType type, long[] shape)
    {
        Place place = new(offset, type, shape.Length > 2 ? shape[^3] : -1, shape.Length > 1 ? shape[^2] : -1, shape[^1]);

        // A tensor's small native parts would lie between what products allocate and free, and keep the pieces from joining: so views are made once.
        if (!views.TryGetValue(place, out Tensor? view))
        {
            // A tensor on META has no memory, and so no place in it.
            nint address = device.type == DeviceType.META ? 0 : first + (nint)offset;
            view = TensorMemory.View(address, type, shape, device).DetachFromDisposeScope();
            views.Add(place, view);
        }

        current.Add(place);
        return view;
    }

    private void DisposeViews(Func<Place, bool> isUnwanted)
    {
        foreach (Place place in views.Keys.Where(isUnwanted).ToList())
        {
            views.Remove(place, out Tensor? view);
            view!.Dispose();
        }
    }

    /// <summary>What tells one tensor from another.</summary>
    private readonly record struct Place(long Offset, ScalarType Type, long Outer, long Middle, long Inner);

    /// <summary>A height of the stack.</summary>
    /// <param name="Used">Bytes of the block.</param>
    /// <param name="Beside">Tensors with memory of their own.</param>
    internal readonly record struct Mark(long Used, int Beside);

    /// <summary>A stretch of work whose tensors are let go together.</summary>
    internal readonly struct Pass(TensorStack stack) : IDisposable
    {
        private readonly Mark top = stack.Top;

        /// <inheritdoc/>
        public void Dispose() => stack.Release(top);
    }
}
