using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Causal attention within one document, softmax(factor q kᵀ) v, over blocks of queries: only keys that a block sees are met. The query heads
/// of a group are rows of one product with their key/value head, so keys and values are never repeated.
/// </summary>
internal sealed class DocumentAttention(IKernels kernels, int groups, int? window, double factor, TensorStack scratch)
{
    /// <summary>Queries of a block: few enough to skip most of what causality hides, enough for fast products.</summary>
    public const int TileQueries = 128;

    /// <summary>Writes the mixed values.</summary>
    /// <param name="query">[tokens, heads, headSize], rotated.</param>
    /// <param name="key">[tokens, kvHeads, headSize], rotated.</param>
    /// <param name="value">[tokens, kvHeads, headSize].</param>
    /// <param name="mixed">[tokens, heads, headSize].</param>
    /// <param name="place">Where the state goes.</param>
    /// <param name="keepsProbabilities">Whether the probabilities are part of it.</param>
    public DocumentState Forward(Tensor query, Tensor key, Tensor value, Tensor mixed, TensorStack place, bool keepsProbabilities)
    {
        Tensor keys = ToHeads(key, place); // [kvHeads, tokens, headSize]
        Tensor values = ToHeads(value, place); // [kvHeads, tokens, headSize]
        List<(AttentionTile, Tensor, Tensor?)> tiles = [];
        foreach (AttentionTile tile in AttentionTile.Of((int)query.shape[0], window, TileQueries))
        {
            Tensor q = ToHeads(query.narrow(0, tile.QueryStart, tile.Queries), place); // [kvHeads, group queries, headSize]
            using TensorStack.Pass pass = scratch.Begin();

            // Probabilities grow with the square of the length; where they are not kept, one tile of them is there at a time.
            Tensor p = Probabilities(q, keys, tile, keepsProbabilities ? place : scratch);
            using (Tensor o = p.bmm(Seen(values, tile))) // [kvHeads, group queries, headSize]
            {
                CopyRows(o, mixed.narrow(0, tile.QueryStart, tile.Queries));
            }

            tiles.Add((tile, q, keepsProbabilities ? p : null));
        }

        return new(keys, values, tiles);
    }

    /// <summary>Writes the gradients of q, k and v.</summary>
    /// <param name="dMixed">[tokens, heads, headSize].</param>
    /// <param name="state">Of the forward pass.</param>
    /// <param name="dQuery">[tokens, heads, headSize].</param>
    /// <param name="dKey">[tokens, kvHeads, headSize].</param>
    /// <param name="dValue">[tokens, kvHeads, headSize].</param>
    public void Backward(Tensor dMixed, DocumentState state, Tensor dQuery, Tensor dKey, Tensor dValue)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        Tensor dKeys = scratch.Take(state.Key.dtype, state.Key.shape); // [kvHeads, tokens, headSize]
        Tensor dValues = scratch.Take(state.Value.dtype, state.Value.shape); // [kvHeads, tokens, headSize]

        // A key is seen by the queries of several tiles, whose gradients add up.
        dKeys.zero_();
        dValues.zero_();
        foreach ((AttentionTile tile, Tensor q, Tensor? kept) in state.Tiles)
        {
            using DisposeScope tileScope = NewDisposeScope();
            using TensorStack.Pass tilePass = scratch.Begin();
            Tensor p = kept ?? Probabilities(q, state.Key, tile, scratch); // [kvHeads, group queries, keys]
            Tensor dO = ToHeads(dMixed.narrow(0, tile.QueryStart, tile.Queries), scratch); // [kvHeads, group queries, headSize]

            // dV += Pᵀ dO. The heads of a group are rows of the one product, so it sums over them as well.
            Seen(dValues, tile).Add(p.transpose(1, 2).bmm(dO));
            Tensor dP = scratch.Take(p.dtype, p.shape); // [kvHeads, group queries, keys]
            BatchProduct.Into(dP, dO, Seen(state.Value, tile).transpose(1, 2)); // dP = dO Vᵀ

            // dP becomes dS, with the factor in it, which both products below need; zero where a query does not see a key.
            kernels.SoftmaxBackward(p, dP, tile, factor);

            // dQ = dS K; no other tile has these queries, so it is written and not added.
            CopyRows(dP.bmm(Seen(state.Key, tile)), dQuery.narrow(0, tile.QueryStart, tile.Queries));
            Seen(dKeys, tile).Add(dP.transpose(1, 2).bmm(q)); // dK += dSᵀ Q
        }

        CopyRows(dKeys, dKey);
        CopyRows(dValues, dValue);
    }

    /// <summary>softmax(factor q kᵀ), [kvHeads, group queries, keys].</summary>
    private Tensor Probabilities(Tensor q, Tensor keys, AttentionTile tile, TensorStack place)
    {
        Tensor p = place.Take(q.dtype, groups, q.shape[1], tile.Keys);
        BatchProduct.Into(p, q, Seen(keys, tile).transpose(1, 2));
        kernels.SoftmaxForward(p, tile, factor);
        return p;
    }

    /// <summary>[tokens, heads, headSize] as [groups, heads / groups · tokens, headSize], head after head.</summary>
    private Tensor ToHeads(Tensor rows, TensorStack place)
    {
        (long tokens, long count, long width) = (rows.shape[0], rows.shape[1], rows.shape[2]);
        Tensor heads = place.Take(rows.dtype, groups, count / groups * tokens, width); // contiguous, as batched products want it
        heads.view(count, tokens, width).copy_(rows.transpose(0, 1));
        return heads;
    }

    private static void CopyRows(Tensor heads, Tensor rows) => rows.transpose(0, 1).copy_(heads.view(rows.shape[1], rows.shape[0], rows.shape[2]));

    private static Tensor Seen(Tensor keys, AttentionTile tile) => keys.narrow(1, tile.KeyStart, tile.Keys);
}
