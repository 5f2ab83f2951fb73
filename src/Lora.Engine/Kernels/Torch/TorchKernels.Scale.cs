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
        if (z.dtype == ScalarType.Float16)
        {
            // Of a loss that is scaled, products of gradients and outputs leave the range of float16. In z's own memory they have that of float32.
            using Tensor products = Dispatcher.Call("aten::view", "dtype", z, (long)ScalarType.BFloat16);
            ScaledInto.ProductSum(products, sums.zero_(), dy, z); // computed in the dtype of the sums, rounded once
            ResultInto.Sum(sums, products, dimension: 0);
        }
        else
        {
            ResultInto.Sum(sums, z.mul_(dy), dimension: 0);
        }

        ResultInto.Product(z, dy, scale);
    }
}
