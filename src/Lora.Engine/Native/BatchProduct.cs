using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>torch.bmm with a result that is there already, which TorchSharp does not wrap.</summary>
internal static class BatchProduct
{
    /// <summary>Writes left · right, batch by batch.</summary>
    /// <param name="left">[batch, rows, inner].</param>
    /// <param name="right">[batch, inner, columns].</param>
    /// <param name="result">[batch, rows, columns]; written.</param>
    public static void Into(Tensor result, Tensor left, Tensor right)
    {
        Dispatcher.Check(TorchShim.BatchProductInto(result.Handle, left.Handle, right.Handle), nameof(TorchShim.BatchProductInto));
        GC.KeepAlive(result);
        GC.KeepAlive(left);
        GC.KeepAlive(right);
    }
}
