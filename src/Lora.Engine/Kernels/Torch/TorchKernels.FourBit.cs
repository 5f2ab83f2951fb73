using Lora.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>Values of 4-bit matrices.</content>
internal sealed partial class TorchKernels
{
    /// <inheritdoc/>
    public void Dequantize(FourBitMatrix matrix, Tensor y)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor pairs = tensor(matrix.Code.Pairs, [256, 2], device: y.device); // both values of each byte
        Tensor values = pairs.index_select(0, matrix.Codes.to(ScalarType.Int32)).view(-1, matrix.BlockValues); // [blocks, BlockValues]
        values.mul_(matrix.Magnitudes.Read().unsqueeze(1));
        y.copy_(values.view(-1).narrow(0, 0, y.numel()).view(y.shape));
    }
}
