using Lora.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Moves bytes between files and a tensor's own memory.</summary>
internal static class TensorMemory
{
    // A span holds less than 2 GiB; larger tensors are filled in slices.
    private const long SliceBytes = 1L << 30;

    /// <summary>Fills a contiguous CPU tensor with a stored tensor of the same shape and dtype.</summary>
    public static void Fill(Tensor destination, TensorInfo source, Checkpoint checkpoint)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor flat = destination.view(-1);
        long elementSize = source.ElementCount == 0 ? 1 : source.Length / source.ElementCount;
        long slice = SliceBytes / elementSize;
        for (long start = 0; start < source.ElementCount; start += slice)
        {
            Tensor part = flat.narrow(0, start, Math.Min(slice, source.ElementCount - start));
            checkpoint.Read(source, start * elementSize, part.bytes);
        }
    }

    /// <summary>Writes the bytes of a contiguous CPU tensor.</summary>
    public static void Write(Tensor source, Stream destination)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor flat = source.view(-1);
        long slice = SliceBytes / source.element_size();
        for (long start = 0; start < flat.shape[0]; start += slice)
        {
            destination.Write(flat.narrow(0, start, Math.Min(slice, flat.shape[0] - start)).bytes);
        }
    }
}
