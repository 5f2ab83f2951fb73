using Lora.Checkpoints;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>Compares a parameter that an adapter's file has a copy of with the base model's own.</summary>
internal static class BaseCopy
{
    private const int SliceValues = 1 << 20;

    /// <summary>
    /// Whether the values are the same, in the file's dtype or in the base's: a model that was trained in another dtype than it is stored in was
    /// rounded on the way. Slice by slice, since embeddings are large.
    /// </summary>
    /// <param name="copy">The adapter's tensor.</param>
    /// <param name="own">The base's, of the same shape.</param>
    /// <param name="checkpoint">The base model.</param>
    public static bool IsSame(TensorData copy, TensorInfo own, Checkpoint checkpoint)
    {
        bool isSameType = copy.DataType == own.DataType;
        if (!isSameType)
        {
            TorchLibrary.Load();
        }

        int copyWidth = (int)(copy.Bytes.Length / Math.Max(own.ElementCount, 1));
        int ownWidth = (int)(own.Length / Math.Max(own.ElementCount, 1));
        (bool inCopys, bool inOwn) = (true, !isSameType);
        byte[] values = new byte[SliceValues * ownWidth];
        for (long first = 0; first < own.ElementCount && (inCopys || inOwn); first += SliceValues)
        {
            int count = (int)Math.Min(SliceValues, own.ElementCount - first);
            Memory<byte> ownBytes = values.AsMemory(0, count * ownWidth);
            checkpoint.Read(own, first * ownWidth, ownBytes.Span);
            ReadOnlyMemory<byte> copyBytes = copy.Bytes.Slice((int)(first * copyWidth), count * copyWidth);
            if (isSameType)
            {
                inCopys = ownBytes.Span.SequenceEqual(copyBytes.Span);
                continue;
            }

            inCopys = inCopys && IsRounded(own.DataType, ownBytes, copy.DataType, copyBytes, count);
            inOwn = inOwn && IsRounded(copy.DataType, copyBytes, own.DataType, ownBytes, count);
        }

        return inCopys || inOwn;
    }

    /// <summary>Whether values rounded to another dtype are those given in it.</summary>
    private static bool IsRounded(TensorDataType from, ReadOnlyMemory<byte> values, TensorDataType to, ReadOnlyMemory<byte> expected, int count)
    {
        using DisposeScope scope = NewDisposeScope();
        using Tensor rounded = AdapterTensors.Read(new("", from, [count], values)).to(TensorType.Of(to));
        return rounded.bytes.SequenceEqual(expected.Span);
    }
}
