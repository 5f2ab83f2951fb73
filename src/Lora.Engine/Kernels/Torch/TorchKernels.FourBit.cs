using System.Runtime.InteropServices;
using Lora.Native;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>Values of 4-bit matrices.</content>
internal sealed partial class TorchKernels
{
    private readonly Dictionary<float[], Tensor> tables = [];
    private (BlockMagnitudes Whole, Tensor Values)? taken;

    /// <inheritdoc/>
    public void Dequantize(FourBitStack stack, Tensor y)
    {
        using DisposeScope scope = NewDisposeScope();
        FourBitMatrix top = stack.Top;
        Tensor found = Pairs(top.Code, y.device).index_select(0, stack.Codes.to(ScalarType.Int32)); // both values of each byte
        Tensor values = Dispatcher.Call("aten::view", "dtype", found, (long)ScalarType.Float32).view(-1, top.BlockValues); // [blocks, BlockValues]
        long block = 0;
        long row = 0;
        foreach (FourBitMatrix matrix in stack.Matrices)
        {
            Scale(y.narrow(0, row, matrix.Shape[0]).view(-1), values.narrow(0, block, matrix.Blocks), Magnitudes(matrix, y.device));
            block += matrix.Blocks;
            row += matrix.Shape[0];
        }
    }

    /// <summary>Writes values times the magnitudes of their blocks, rounded as they are written.</summary>
    /// <param name="y">[count].</param>
    /// <param name="values">[blocks, BlockValues].</param>
    /// <param name="magnitudes">[blocks].</param>
    private static void Scale(Tensor y, Tensor values, Tensor magnitudes)
    {
        (long full, long rest) = Math.DivRem(y.numel(), values.shape[1]);
        if (full > 0)
        {
            ResultInto.Product(y.narrow(0, 0, full * values.shape[1]).view(full, -1), values.narrow(0, 0, full), magnitudes.narrow(0, 0, full).unsqueeze(1));
        }

        if (rest > 0)
        {
            ResultInto.Product(y.narrow(0, y.numel() - rest, rest), values.select(0, full).narrow(0, 0, rest), magnitudes.select(0, full));
        }
    }

    /// <summary>[blocks], float32. Those of a whole block of the model are taken at once, and kept until another's are asked for.</summary>
    private Tensor Magnitudes(FourBitMatrix matrix, Device device)
    {
        BlockMagnitudes own = matrix.Magnitudes;
        if (own.Nested is not NestedMagnitudes nested)
        {
            return own.Values;
        }

        if (own.Place is not MagnitudePlace place)
        {
            return Numbers(own.Values, nested, device).narrow(0, 0, matrix.Blocks);
        }

        if (taken is not { } kept || !ReferenceEquals(kept.Whole, place.Whole))
        {
            taken?.Values.Dispose();
            taken = null; // there may be no memory for the next ones
            kept = (place.Whole, Numbers(place.Whole.Values, place.Whole.Nested!, device).DetachFromDisposeScope());
            taken = kept;
        }

        return kept.Values.narrow(0, place.First, matrix.Blocks);
    }

    /// <summary>Magnitudes of their codes, [groups · GroupBlocks], float32.</summary>
    private Tensor Numbers(Tensor codes, NestedMagnitudes nested, Device device)
    {
        Tensor numbers = Table(nested.Map, () => tensor(nested.Map, device: device)).index_select(0, codes.to(ScalarType.Int32));

        // Two roundings, as bitsandbytes has them; addcmul may have one.
        numbers.view(-1, nested.GroupBlocks).mul_(nested.Scales.unsqueeze(1)).Add(nested.Means.unsqueeze(1));
        return numbers;
    }

    /// <summary>Both values of each byte as one number of 64 bits, [256], so that they are fetched together.</summary>
    private Tensor Pairs(FourBitCode code, Device device) => Table(code.Pairs, () => tensor(MemoryMarshal.Cast<float, long>(code.Pairs).ToArray(), device: device));

    /// <summary>A table on a device, brought there once: a copy would have to be waited for.</summary>
    private Tensor Table(float[] values, Func<Tensor> make)
    {
        if (!tables.TryGetValue(values, out Tensor? table))
        {
            table = make().DetachFromDisposeScope();
            tables.Add(values, table);
        }

        return table;
    }
}
