using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Causal attention within one document, softmax(q kᵀ / sqrt(d)) v, over blocks of queries: only keys that a block sees are met. The query heads
/// of a group are rows of one product with their key/value head, so keys and values are never repeated.
/// </summary>
internal sealed class DocumentAttention(IKernels kernels, int groups, int? window, double factor, TensorStack scratch)
{
    /// <summary>Queries of a block: few enough to skip most of what causality hides, enough for fast products.</summary>
    public const int TileQueries = 128;

    /// <summary>Writes the mixed values.</summary>
    /// <param name="query">[tokens, heads, d], rotated.</param>
    /// <param name="key">[tokens, kv, d], rotated.</param>
    /// <param name="value">[tokens, kv, d].</param>
    /// <param name="mixed">[tokens, heads, d].</param>
    /// <param name="place">Where the state goes.</param>
    /// <param name="keepsProbabilities">Whether the probabilities are part of it.</param>
    public DocumentState Forward(Tensor query, Tensor key, Tensor value, Tensor mixed, TensorStack place, bool keepsProbabilities)
    {
        Tensor keys = ToHeads(key, place); // [kv, tokens, d]
        Tensor values = ToHeads(value, place);
        List<(AttentionTile, Tensor, Tensor?)> tiles = [];
        foreach (AttentionTile tile in AttentionTile.Of((int)query.shape[0], window, TileQueries))
        {
            Tensor q = ToHeads(query.narrow(0, tile.QueryStart, tile.Queries), place); // [kv, group queries, d]
            using TensorStack.Pass pass = scratch.Begin();
            Tensor p = Probabilities(q, keys, tile, keepsProbabilities ? place : scratch);
            using (Tensor o = p.bmm(Seen(values, tile))) // [kv, group queries, d]
            {
                CopyRows(o, mixed.narrow(0, tile.QueryStart, tile.Queries));
            }

            tiles.Add((tile, q, keepsProbabilities ? p : null));
        }

        return new(keys, values, tiles);
    }

    /// <summary>Writes the gradients of q, k and v.</summary>
    /// <param name="dMixed">[tokens, heads, d].</param>
    /// <param name="state">Of the forward pass.</param>
    /// <param name="dQuery">[tokens, heads, d].</param>
    /// <param name="dKey">[tokens, kv, d].</param>
    /// <param name="dValue">[tokens, kv, d].</param>
    public void Backward(Tensor dMixed, DocumentState state, Tensor dQuery, Tensor dKey, Tensor dValue)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        Tensor dKeys = scratch.Take(state.Key.dtype, state.Key.shape);
        Tensor dValues = scratch.Take(state.Value.dtype, state.Value.shape);
        dKeys.zero_();
        dValues.zero_();
        foreach ((AttentionTile tile, Tensor q, Tensor? kept) in state.Tiles)
        {
            using DisposeScope tileScope = NewDisposeScope();
            using TensorStack.Pass tilePass = scratch.Begin();
            Tensor p = kept ?? Probabilities(q, state.Key, tile, scratch);
            Tensor dO = ToHeads(dMixed.narrow(0, tile.QueryStart, tile.Queries), scratch); // [kv, group queries, d]
            Seen(dValues, tile).Add(p.transpose(1, 2).bmm(dO));
            Tensor dP = scratch.Take(p.dtype, p.shape); // [kv, group queries, keys]
            BatchProduct.Into(dP, dO, Seen(state.Value, tile).transpose(1, 2));
            kernels.SoftmaxBackward(p, dP, tile, factor);
            CopyRows(dP.bmm(Seen(state.Key, tile)), dQuery.narrow(0, tile.QueryStart, tile.Queries));
            Seen(dKeys, tile).Add(dP.transpose(1, 2).bmm(q));
        }

        CopyRows(dKeys, dKey);
        CopyRows(dValues, dValue);
    }

    /// <summary>softmax(q kᵀ / sqrt(d)), [kv, group queries, keys].</summary>
    private Tensor Probabilities(Tensor q, Tensor keys, AttentionTile tile, TensorStack place)
    {
        Tensor p = place.Take(q.dtype, groups, q.shape[1], tile.Keys);
        BatchProduct.Into(p, q, Seen(keys, tile).transpose(1, 2));
        kernels.SoftmaxForward(p, tile, factor);
        return p;
    }

    /// <summary>[tokens, heads, d] as [groups, heads / groups · tokens, d], head after head.</summary>
    private Tensor ToHeads(Tensor rows, TensorStack place)
    {
        (long tokens, long count, long width) = (rows.shape[0], rows.shape[1], rows.shape[2]);
        Tensor heads = place.Take(rows.dtype, groups, count / groups * tokens, width);
        heads.view(count, tokens, width).copy_(rows.transpose(0, 1));
        return heads;
    }

    private static void CopyRows(Tensor heads, Tensor rows) => rows.transpose(0, 1).copy_(heads.view(rows.shape[1], rows.shape[0], rows.shape[2]));

    private static Tensor Seen(Tensor keys, AttentionTile tile) => keys.narrow(1, tile.KeyStart, tile.Keys);
}
