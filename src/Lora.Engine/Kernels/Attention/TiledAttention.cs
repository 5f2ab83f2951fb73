using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>
/// Attention document by document, over blocks of queries: only keys that a block sees are met. The query heads of a group are rows of one product with
/// their key/value head, so keys and values are never repeated. What lies in cache is worth more to a processor than few calls.
/// </summary>
/// <param name="softmax">Of one block of queries.</param>
/// <param name="shape">The heads.</param>
/// <param name="scratch">For what a pass makes.</param>
/// <param name="elementSize">Of the activations.</param>
internal sealed class TiledAttention(ITileSoftmax softmax, AttentionHeads shape, TensorStack scratch, int elementSize) : IAttention
{
    /// <summary>Queries of a block: few enough to skip most of what causality hides, enough for fast products.</summary>
    public const int TileQueries = 128;

    /// <inheritdoc/>
    public string? Way => null;

    /// <inheritdoc/>
    public bool KeepsInputs => false;

    private int Groups => shape.KeyValueHeads;

    // A cap comes between the factor and the softmax.
    private double SoftmaxFactor => shape.Cap is null ? shape.Factor : 1;

    /// <inheritdoc/>
    public (Tensor Mixed, AttentionState State) Forward(
        HeadParts heads, DocumentPlaces documents, TensorStack place, TensorStack mixedPlace, bool keepsProbabilities)
    {
        Tensor mixed = mixedPlace.Take(heads.Query.dtype, heads.Query.shape); // [tokens, heads, headSize]
        List<TiledDocument> states = [];
        foreach ((int start, int length) in documents.Places)
        {
            states.Add(Forward(Part(heads.Query), Part(heads.Key), Part(heads.Value), Part(mixed), place, keepsProbabilities));

            // [length, heads, headSize]; a view, so a document costs no copy here.
            Tensor Part(Tensor all) => all.narrow(0, start, length);
        }

        return (mixed, new TiledState(states));
    }

    /// <inheritdoc/>
    public void Backward(Tensor dMixed, HeadParts heads, AttentionState state, DocumentPlaces documents, HeadParts gradients)
    {
        foreach (((int start, int length), TiledDocument document) in documents.Places.Zip(((TiledState)state).Documents))
        {
            Backward(Part(dMixed), document, Part(gradients.Query), Part(gradients.Key), Part(gradients.Value));

            Tensor Part(Tensor all) => all.narrow(0, start, length);
        }
    }

    /// <inheritdoc/>
    public AttentionBytes Bytes(IReadOnlyList<int> lengths, int slices)
    {
        long tokens = lengths.Sum(length => (long)length);
        int longest = lengths.Max();
        long tile = Tiles(longest).Max();
        long backward = (longest * elementSize * ((2 * shape.Keys) + shape.Queries)) // gradients of k and v, and of the values mixed
            + ((shape.Cap is null ? 1 : 2) * tile); // that of p, and the scores once more
        return new(
            Kept: elementSize * tokens * (shape.Queries + (2 * shape.Keys)),
            // By tiles, since causality leaves out up to half of the square of a length.
            Probabilities: lengths.Sum(length => Tiles(length).Sum()),
            Keeping: new(Forward: 0, backward),
            Again: new(Forward: tile, backward + tile),
            Made: 0,
            Passing: 0);
    }

    private TiledDocument Forward(Tensor query, Tensor key, Tensor value, Tensor mixed, TensorStack place, bool keepsProbabilities)
    {
        Tensor keys = ToHeads(key, place); // [kvHeads, tokens, headSize]
        Tensor values = ToHeads(value, place); // [kvHeads, tokens, headSize]
        List<(AttentionTile, Tensor, Tensor?)> tiles = [];
        foreach (AttentionTile tile in AttentionTile.Of((int)query.shape[0], shape.Window, TileQueries))
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

    private void Backward(Tensor dMixed, TiledDocument state, Tensor dQuery, Tensor dKey, Tensor dValue)
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
            ProductInto.Batches(dP, dO, Seen(state.Value, tile).transpose(1, 2)); // dP = dO Vᵀ

            // dP becomes dS, with the factor in it, which both products below need; zero where a query does not see a key.
            softmax.SoftmaxBackward(p, dP, tile, SoftmaxFactor);
            if (shape.Cap is double cap)
            {
                // The slope of the cap: factor (1 - tanh²), of scores that nobody kept.
                Tensor bent = scratch.Take(p.dtype, p.shape); // [kvHeads, group queries, keys]
                ProductInto.Batches(bent, q, Seen(state.Key, tile).transpose(1, 2));
                bent.Multiply(shape.Factor / cap).tanh_();
                dP.AddProduct(dP, bent.mul_(bent), -1).Multiply(shape.Factor);
            }

            // dQ = dS K; no other tile has these queries, so it is written and not added.
            CopyRows(dP.bmm(Seen(state.Key, tile)), dQuery.narrow(0, tile.QueryStart, tile.Queries));
            Seen(dKeys, tile).Add(dP.transpose(1, 2).bmm(q)); // dK += dSᵀ Q
        }

        CopyRows(dKeys, dKey);
        CopyRows(dValues, dValue);
    }

    /// <summary>softmax(cap(factor q kᵀ)), [kvHeads, group queries, keys].</summary>
    private Tensor Probabilities(Tensor q, Tensor keys, AttentionTile tile, TensorStack place)
    {
        Tensor p = place.Take(q.dtype, Groups, q.shape[1], tile.Keys);
        ProductInto.Batches(p, q, Seen(keys, tile).transpose(1, 2));
        if (shape.Cap is double cap)
        {
            p.Multiply(shape.Factor / cap).tanh_().Multiply(cap);
        }

        softmax.SoftmaxForward(p, tile, SoftmaxFactor);
        return p;
    }

    /// <summary>[tokens, heads, headSize] as [groups, heads / groups · tokens, headSize], head after head.</summary>
    private Tensor ToHeads(Tensor rows, TensorStack place)
    {
        (long tokens, long count, long width) = (rows.shape[0], rows.shape[1], rows.shape[2]);
        Tensor heads = place.Take(rows.dtype, Groups, count / Groups * tokens, width); // contiguous, as batched products want it
        heads.view(count, tokens, width).copy_(rows.transpose(0, 1));
        return heads;
    }

    private static void CopyRows(Tensor heads, Tensor rows) => rows.transpose(0, 1).copy_(heads.view(rows.shape[1], rows.shape[0], rows.shape[2]));

    private static Tensor Seen(Tensor keys, AttentionTile tile) => keys.narrow(1, tile.KeyStart, tile.Keys);

    private IEnumerable<long> Tiles(int length) =>
        AttentionTile.Of(length, shape.Window, TileQueries).Select(tile => (long)shape.Heads * tile.Queries * tile.Keys * elementSize);

    private sealed record TiledState(IReadOnlyList<TiledDocument> Documents) : AttentionState
    {
        /// <inheritdoc/>
        public override IEnumerable<Tensor> Tensors => Documents.SelectMany(document => new[] { document.Key, document.Value }
            .Concat(document.Tiles.SelectMany(tile => new[] { tile.Query, tile.Probabilities }.OfType<Tensor>())));
    }

    /// <summary>One document's keys and values, and its queries and probabilities tile by tile.</summary>
    /// <param name="Key">[kvHeads, tokens, headSize].</param>
    /// <param name="Value">[kvHeads, tokens, headSize].</param>
    /// <param name="Tiles">q, [kvHeads, group queries, headSize], and softmax(q kᵀ), [kvHeads, group queries, keys], which is null when it is to be computed again.</param>
    private sealed record TiledDocument(Tensor Key, Tensor Value, IReadOnlyList<(AttentionTile Tile, Tensor Query, Tensor? Probabilities)> Tiles);
}

/// <summary>The causal softmax of one block of queries.</summary>
internal interface ITileSoftmax
{
    /// <summary>softmax(factor · scores) over the keys that each query sees, in place; zero for the others.</summary>
    /// <param name="scores">[groups, queries, keys], contiguous; the queries of several heads follow each other.</param>
    /// <param name="tile">Which queries and keys they are.</param>
    /// <param name="factor">1 / sqrt(headSize).</param>
    void SoftmaxForward(Tensor scores, AttentionTile tile, double factor);

    /// <summary>dp becomes factor · p (dp - Σ p dp), in place.</summary>
    /// <param name="p">Of the forward pass.</param>
    /// <param name="dp">Like p.</param>
    /// <param name="tile">Which queries and keys they are.</param>
    /// <param name="factor">1 / sqrt(headSize).</param>
    void SoftmaxBackward(Tensor p, Tensor dp, AttentionTile tile, double factor);
}
