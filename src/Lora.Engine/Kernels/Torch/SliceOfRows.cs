using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>Some of the rows that several tensors have.</summary>
/// <param name="Start">The first.</param>
/// <param name="Count">How many.</param>
internal readonly record struct SliceOfRows(long Start, long Count)
{
    /// <summary>These rows of a tensor, in the caller's scope.</summary>
    public Tensor Of(Tensor tensor) => tensor.narrow(0, Start, Count);

    /// <summary>What belongs to these rows in a contiguous tensor that has as much for each of all rows, flat.</summary>
    public Tensor OfMany(Tensor tensor, long allRows)
    {
        long each = tensor.numel() / allRows;
        return tensor.view(-1).narrow(0, Start * each, Count * each);
    }
}
