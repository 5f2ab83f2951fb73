using Lora.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Quantization;

/// <summary>
/// A weight in one of the forms that quantising libraries write. What it is made of is told, and held against the model's shape, from headers; its
/// values are read when they are asked for.
/// </summary>
/// <param name="parts">The tensors that it is made of.</param>
/// <param name="shape">The shape of the values.</param>
internal abstract class StoredWeight(StoredParts parts, long[] shape)
{
    /// <summary>The shape of the values: [out, in], of experts [experts, in, out].</summary>
    public long[] Shape { get; } = shape;

    /// <summary>The tensors that stand for it in the checkpoint, also those that are not read.</summary>
    public IEnumerable<TensorInfo> Tensors => Parts.All;

    /// <summary>The bytes that are read for it.</summary>
    public long Length => Parts.Length;

    /// <summary>The tensors that it is made of.</summary>
    protected StoredParts Parts { get; } = parts;

    /// <summary>Reads the values; the memory for it is that of the stored form.</summary>
    /// <param name="values">Of this weight's shape, contiguous, on the CPU, float32, bfloat16 or float16; filled.</param>
    /// <param name="onRead">Told of bytes that were read, on several threads.</param>
    /// <exception cref="LoraException">QuantizedWeightInvalid: parts contradict each other; or a file is unreadable or was cut off.</exception>
    public void Fill(Tensor values, Action<long>? onRead = null)
    {
        // The parts go when the values are there.
        using DisposeScope scope = NewDisposeScope();
        Tiles.Fill(Open(new(Parts, onRead)), values);
    }

    /// <summary>Reads the parts, and gives what makes tiles of them; the parts live in the caller's dispose scope.</summary>
    protected abstract TileReader Open(PartReader reader);
}
