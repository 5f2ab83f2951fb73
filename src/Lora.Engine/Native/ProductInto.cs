using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>Matrix products whose result is there already, which TorchSharp does not wrap.</summary>
internal static class ProductInto
{
    /// <summary>Writes left · right, batch by batch.</summary>
    /// <param name="result">[batch, rows, columns]; written.</param>
    /// <param name="left">[batch, rows, inner].</param>
    /// <param name="right">[batch, inner, columns].</param>
    public static void Batches(Tensor result, Tensor left, Tensor right)
    {
        Dispatcher.Check(TorchShim.BatchProductInto(result.Handle, left.Handle, right.Handle), nameof(TorchShim.BatchProductInto));
        KeepAlive(result, left, right);
    }

    /// <summary>Writes left · right.</summary>
    /// <param name="result">[rows, columns]; written, whatever it held.</param>
    /// <param name="left">[rows, inner].</param>
    /// <param name="right">[inner, columns].</param>
    public static void Matrix(Tensor result, Tensor left, Tensor right)
    {
        Dispatcher.Check(TorchShim.ProductInto(result.Handle, left.Handle, right.Handle), nameof(TorchShim.ProductInto));
        KeepAlive(result, left, right);
    }

    /// <summary>Writes addend + left · right: a bias goes into the product, and a residual is copied by the operator itself.</summary>
    /// <param name="result">[rows, columns]; written, whatever it held.</param>
    /// <param name="addend">[rows, columns] or [columns].</param>
    /// <param name="left">[rows, inner].</param>
    /// <param name="right">[inner, columns].</param>
    public static void Sum(Tensor result, Tensor addend, Tensor left, Tensor right)
    {
        Dispatcher.Check(TorchShim.SumInto(result.Handle, addend.Handle, left.Handle, right.Handle, 1, 1), nameof(TorchShim.SumInto));
        KeepAlive(result, left, right);
        GC.KeepAlive(addend);
    }

    // Handles are passed as numbers: without this a collection could free the tensors during the call.
    private static void KeepAlive(Tensor result, Tensor left, Tensor right)
    {
        GC.KeepAlive(result);
        GC.KeepAlive(left);
        GC.KeepAlive(right);
    }
}
