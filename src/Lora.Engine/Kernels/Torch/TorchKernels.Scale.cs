using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <content>Outputs times a number of their own.</content>
internal sealed partial class TorchKernels
{
    /// <inheritdoc/>
    public void ScaleForward(Tensor z, Tensor scale, Tensor? shift, Tensor? residual, Tensor y)
    {
        // The scale stays wide: in 16 bits it would not move by what a step changes of it.
        if ((residual ?? shift) is Tensor addend)
        {
            ScaledInto.ProductSum(y, addend, z, scale);
        }
        else
        {
            ResultInto.Product(y, z, scale);
        }

        _ = residual is null || shift is null ? y : y.Add(shift);
    }

    /// <inheritdoc/>
    public void ScaleBackward(Tensor dy, Tensor scale, Tensor z, Tensor sums)
    {
        ResultInto.Sum(sums, z.mul_(dy), dimension: 0);
        ResultInto.Product(z, dy, scale);
    }
}
