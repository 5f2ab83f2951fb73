using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Many weights in one block of memory, in the order in which a model asks for them, biases after all others: the matrices of q, k and v, and those
/// of gate and up, lie side by side and are one matrix without a copy.
/// </summary>
internal sealed class WeightArena : IDisposable
{
    private readonly Dictionary<string, (long Start, long[] Shape)> places = new(StringComparer.Ordinal);
    private readonly Tensor memory;

    /// <param name="weights">Names and shapes.</param>
    /// <param name="type">Of all of them.</param>
    /// <param name="device">Of all of them.</param>
    public WeightArena(IEnumerable<(string Name, long[] Shape)> weights, ScalarType type, Device device)
    {
        long count = 0;

        // A bias between q and k would keep their matrices from lying side by side. OrderBy is stable, so all else keeps its order.
        foreach ((string name, long[] shape) in weights.OrderBy(weight => weight.Name.EndsWith(".bias", StringComparison.Ordinal)))
        {
            places.Add(name, (count, shape));
            count += shape.Aggregate(1L, (product, size) => product * size);
        }

        memory = empty([count], dtype: type, device: device).DetachFromDisposeScope();
        if (device.type == DeviceType.CPU)
        {
            LargePages.Advise(TensorMemory.Address(memory), count * memory.ElementSize);
        }
    }

    /// <summary>The names of the weights that have a place here.</summary>
    public IEnumerable<string> Names => places.Keys;

    /// <summary>A weight, a tensor of its own; the block lives as long as any of them.</summary>
    public Tensor this[string name]
    {
        get
        {
            (long start, long[] shape) = places[name];
            using IDisposable noGradient = no_grad();
            using Tensor slice = memory.narrow(0, start, shape.Aggregate(1L, (product, size) => product * size));
            using Tensor shaped = slice.view(shape);
            Tensor weight = empty([0], dtype: memory.dtype, device: memory.device);
            weight.set_(shaped);
            return weight;
        }
    }

    /// <summary>Tensors that follow each other in one block as one, stacked along their first dimension; null when they do not.</summary>
    public static Tensor? Adjacent(IReadOnlyList<Tensor> parts)
    {
        nint next = 0;
        foreach (Tensor part in parts)
        {
            nint first = TensorMemory.Address(part);

            // Address and block: two blocks may lie end to end by chance.
            bool follows = next == 0 || (first == next && Block(part) == Block(parts[0]));
            if (!follows || !part.is_contiguous() || part.dtype != parts[0].dtype)
            {
                return null;
            }

            next = first + (nint)(part.numel() * part.ElementSize);
        }

        Tensor top = parts[0];
        return top.as_strided([parts.Sum(part => part.shape[0]), .. top.shape[1..]], top.stride(), top.storage_offset());
    }

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();

    private static nint Block(Tensor tensor) => TensorMemory.Address(tensor) - (nint)(tensor.storage_offset() * tensor.ElementSize);
}
