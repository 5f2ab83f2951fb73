using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// One layer's heads where each key/value head lies behind its queries, q q k v q q k v (GPT-NeoX, Falcon), brought into the order of attention, q q q q k k v v,
/// and back. The layer's rows stay as they are: they have the checkpoint's names.
/// </summary>
internal sealed class HeadOrder : IDisposable
{
    private readonly int headSize;
    private readonly Tensor fromLayer; // [heads + 2 kvHeads], int64
    private readonly Tensor toLayer; // like it

    /// <param name="shape">The attention.</param>
    /// <param name="device">Where its heads are.</param>
    public HeadOrder(AttentionShape shape, Device device)
    {
        headSize = shape.HeadDimension;
        int group = shape.Heads / shape.KeyValueHeads;
        int[] places = [.. Enumerable.Range(0, shape.Heads + (2 * shape.KeyValueHeads))];

        // Sorting is stable: heads of one part keep their order.
        int[] sorted = [.. places.OrderBy(place => Math.Max(0, (place % (group + 2)) - group + 1))];
        int[] back = [.. places.OrderBy(place => sorted[place])];
        (fromLayer, toLayer) = (Sent(sorted), Sent(back));

        Tensor Sent(int[] order) => DeviceIndex.Of([.. order.Select(place => (long)place)], device).DetachFromDisposeScope();
    }

    /// <summary>Writes q, k and v as attention has them.</summary>
    /// <param name="product">As the layer gives them, [tokens, (heads + 2 kvHeads) headSize].</param>
    /// <param name="sorted">Like it; written.</param>
    public void FromLayer(Tensor product, Tensor sorted) => Select(product, fromLayer, sorted);

    /// <summary>Writes their gradients as the layer has them.</summary>
    /// <param name="sorted">As attention has them, [tokens, (heads + 2 kvHeads) headSize].</param>
    /// <param name="product">Like it; written.</param>
    public void ToLayer(Tensor sorted, Tensor product) => Select(sorted, toLayer, product);

    /// <inheritdoc/>
    public void Dispose()
    {
        fromLayer.Dispose();
        toLayer.Dispose();
    }

    private void Select(Tensor from, Tensor order, Tensor to)
    {
        using Tensor heads = from.unflatten(1, order.shape[0], headSize); // [tokens, heads + 2 kvHeads, headSize]
        using Tensor target = to.unflatten(1, order.shape[0], headSize);
        ResultInto.Slices(target, heads, 1, order);
    }
}
