using Lora.Native;
using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>Values of 4-bit matrices.</content>
internal sealed partial class TorchKernels
{
    private readonly Dictionary<float[], Tensor> tables = [];

    /// <inheritdoc/>
    public void Dequantize(FourBitMatrix matrix, Tensor y)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor pairs = Table(matrix.Code.Pairs, y.device).view(256, 2); // both values of each byte
        Tensor values = pairs.index_select(0, matrix.Codes.to(ScalarType.Int32)).view(-1, matrix.BlockValues); // [blocks, BlockValues]
        Tensor magnitudes = Magnitudes(matrix.Magnitudes, y.device).unsqueeze(1); // [blocks, 1]
        if (y.numel() == values.numel())
        {
            // Rounded as it is written.
            ResultInto.Product(y.view(values.shape), values, magnitudes);
            return;
        }

        y.copy_(values.mul_(magnitudes).view(-1).narrow(0, 0, y.numel()).view(y.shape)); // the last block is not full
    }

    /// <summary>[blocks], float32.</summary>
    private Tensor Magnitudes(BlockMagnitudes magnitudes, Device device)
    {
        if (magnitudes.Nested is not NestedMagnitudes nested)
        {
            return magnitudes.Values;
        }

        Tensor numbers = Table(nested.Map, device).index_select(0, magnitudes.Values.to(ScalarType.Int32)); // [blocks]
        if (magnitudes.Blocks % nested.GroupBlocks == 0)
        {
            numbers.view(-1, nested.GroupBlocks).mul_(nested.Scales.unsqueeze(1)).Add(nested.Means.unsqueeze(1));
            return numbers;
        }

        return numbers.mul_(OfBlocks(nested.Scales)).Add(OfBlocks(nested.Means));

        // The last group has fewer blocks.
        Tensor OfBlocks(Tensor groups) => groups.repeat_interleave(nested.GroupBlocks).narrow(0, 0, magnitudes.Blocks);
    }

    /// <summary>A table on a device, brought there once: a copy would have to be waited for.</summary>
    private Tensor Table(float[] values, Device device)
    {
        if (!tables.TryGetValue(values, out Tensor? table))
        {
            table = tensor(values, device: device).DetachFromDisposeScope();
            tables.Add(values, table);
        }

        return table;
    }
}
