using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>
/// Attention as its formula, for heads that no operator of libtorch serves: batched products over all key/value heads and all rows in which the documents lie
/// (<see cref="PackedRows"/>), with the query heads of a group as rows of one product. As many launches whatever the documents; each pair of tokens of a row
/// takes memory, so heads are taken in slices where the memory plan asks for it.
/// </summary>
/// <param name="reasons">Why no operator was chosen.</param>
/// <param name="shape">The heads.</param>
/// <param name="scratch">For what a pass makes.</param>
/// <param name="elementSize">Of the activations.</param>
internal sealed class PlainAttention(IReadOnlyList<string> reasons, AttentionHeads shape, TensorStack scratch, int elementSize) : IAttention
{
    /// <inheritdoc/>
    public string? Way => $"by plain products{(reasons.Count == 0 ? "" : $" ({string.Join("; ", reasons)})")}";

    /// <inheritdoc/>
    public bool KeepsInputs => false;

    /// <inheritdoc/>
    public int MostSlices => shape.KeyValueHeads;

    /// <inheritdoc/>
    public int Slices { get; set; } = 1;

    /// <inheritdoc/>
    public bool KeepsMixed => true;

    /// <inheritdoc/>
    public AttentionHeads? Laid => shape;

    // What is kept between the passes: p, and the tanh that a cap bends scores by.
    private int KeptScores => shape.Cap is null ? 1 : 2;

    /// <inheritdoc/>
    public (Tensor Mixed, AttentionState State) Forward(
        HeadParts heads, DocumentPlaces documents, TensorStack place, TensorStack mixedPlace, bool keepsProbabilities)
    {
        using DisposeScope scope = NewDisposeScope();
        ScalarType type = heads.Query.dtype;
        PackedRows rows = documents.Rows(shape, type);
        PlainState state = new(RowHeads.Take(place, type, rows, shape, hasRoom: true), keepsProbabilities ? Scores.Take(place, type, Batches(rows), rows, shape, apart: true) : null);
        RowHeads all = RowHeads.Of(state.Heads, rows, shape, hasRoom: true);
        Scores? kept = state.Scores is null ? null : Scores.Of(state.Scores, shape, apart: true);

        // In the room that its gradient has when nobody reads it any longer.
        Tensor mixed = place.Adopt(state.Heads.narrow(0, 0, heads.Query.shape[0] * shape.Heads).view(heads.Query.shape)); // [tokens, heads, headSize]
        using TensorStack.Pass pass = scratch.Begin();
        Tensor joined = heads.All ?? cat([heads.Query, heads.Key, heads.Value], 1); // [tokens, heads + 2 kvHeads, headSize]
        ResultInto.Rows(all.Laid, Values(joined), rows.All.IntoRows);
        Tensor mixedRows = scratch.Take(type, Batches(rows), shape.Group * rows.Columns, shape.HeadSize);
        foreach ((long first, long count) in Parts(rows))
        {
            using TensorStack.Pass part = scratch.Begin();
            RowHeads some = all.Narrow(first, count);
            Scores scores = kept?.Narrow(first, count) ?? Scores.Of(Scores.Take(scratch, type, count, rows, shape, apart: false), shape, apart: false);
            Weigh(some, rows, scores);
            ProductInto.Batches(mixedRows.narrow(0, first, count), scores.P, some.Value);
        }

        ResultInto.Rows(Values(mixed), Values(mixedRows), rows.Queries.Back);
        return (mixed, state);
    }

    /// <inheritdoc/>
    public void Backward(Tensor dMixed, HeadParts heads, AttentionState state, DocumentPlaces documents, HeadParts gradients)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        (Tensor keptHeads, Tensor? keptScores) = (PlainState)state;
        PackedRows rows = documents.Rows(shape, dMixed.dtype);
        RowHeads all = RowHeads.Of(keptHeads, rows, shape, hasRoom: true);
        Scores? kept = keptScores is null ? null : Scores.Of(keptScores, shape, apart: true);
        RowHeads dAll = RowHeads.Of(RowHeads.Take(scratch, dMixed.dtype, rows, shape, hasRoom: false), rows, shape, hasRoom: false);
        ResultInto.Rows(Values(all.Room!), Values(dMixed), rows.Queries.IntoRows);
        foreach ((long first, long count) in Parts(rows))
        {
            using TensorStack.Pass part = scratch.Begin();
            RowHeads some = all.Narrow(first, count);
            Scores scores = kept?.Narrow(first, count) ?? Scores.Of(Scores.Take(scratch, dMixed.dtype, count, rows, shape, apart: true), shape, apart: true);
            if (kept is null)
            {
                Weigh(some, rows, scores);
            }

            Backward(some, scores, dAll.Narrow(first, count));
        }

        ResultInto.Rows(Values(gradients.All!), dAll.Laid, rows.All.Back);
    }

    /// <inheritdoc/>
    public AttentionBytes Bytes(IReadOnlyList<int> lengths, int slices)
    {
        RowLayout layout = new(lengths);
        long places = (long)layout.Rows * layout.Columns;
        long queries = elementSize * places * shape.Queries;
        long all = queries + (2 * elementSize * places * shape.Keys);
        long ofHead = elementSize * shape.Group * places * layout.Columns; // pairs of one key/value head
        long ofSlice = ofHead * ((shape.KeyValueHeads + slices - 1) / slices);
        (long ways, long mask) = PackedRows.Bytes(lengths, shape, elementSize);
        return new(
            Kept: queries + all,
            Probabilities: KeptScores * shape.KeyValueHeads * ofHead,
            Keeping: new(queries, all + ofSlice),
            Again: new(queries + ofSlice, all + ((1 + KeptScores) * ofSlice)),
            Made: 0,
            // On a card libtorch's gradient of softmax multiplies p and dP first; heads with norms are put side by side.
            Passing: Math.Max(ofSlice, elementSize * lengths.Sum(length => (long)length) * (shape.Queries + (2 * shape.Keys))))
        {
            Shared = new(ways, mask, shape.Window < lengths.Max() ? shape.Window : null),
        };
    }

    /// <summary>softmax(cap(factor q kᵀ)) of some key/value heads.</summary>
    private void Weigh(RowHeads heads, PackedRows rows, Scores scores)
    {
        Tensor bent = scores.Bent ?? scores.P; // [kvHeads rows, group columns, columns]
        ScaledInto.Batches(bent, heads.Query, heads.Key.transpose(1, 2), shape.Factor / (shape.Cap ?? 1));
        if (shape.Cap is not null)
        {
            bent.tanh_();
        }

        // One operator multiplies by the cap and hides what is not seen.
        ScaledInto.Sum(Pairs(scores.P), rows.Mask(shape.Window), Pairs(bent), shape.Cap ?? 1);
        ResultInto.Softmax(scores.P, scores.P);

        Tensor Pairs(Tensor all) => all.view(-1, rows.Rows, shape.Group, rows.Columns, rows.Columns);
    }

    /// <summary>The gradients of some key/value heads.</summary>
    /// <param name="heads">q, k and v, and the gradient at what was mixed, dO.</param>
    /// <param name="scores">Their weights; what bent them becomes its gradient.</param>
    /// <param name="found">Written.</param>
    private void Backward(RowHeads heads, Scores scores, RowHeads found)
    {
        // dP with the factor of q kᵀ, by which dq and dk are multiplied then, and from it dS in its place; zero where a query does not see a key.
        Tensor dS = scratch.Take(scores.P.dtype, scores.P.shape); // [kvHeads rows, group columns, columns]
        ScaledInto.Batches(dS, heads.Room!, heads.Value.transpose(1, 2), shape.Factor);
        ResultInto.SoftmaxGradient(dS, dS, scores.P);
        if (scores.Bent is Tensor bent)
        {
            // The slope of cap · tanh(x / cap) is 1 - tanh².
            ResultInto.TanhGradient(bent, dS, bent);
            dS = bent;
        }

        ProductInto.Batches(found.Query, dS, heads.Key);

        // dV = Pᵀ dO and dK = dSᵀ q: one product where p and dS, dO and q lie side by side. The heads of a group are rows of it, so it sums over them as well.
        if (scores.Both is Tensor weights && heads.RoomAndQuery is Tensor rows)
        {
            ProductInto.Batches(found.ValueAndKey!, weights.transpose(1, 2), rows);
            return;
        }

        ProductInto.Batches(found.Value, scores.P.transpose(1, 2), heads.Room!);
        ProductInto.Batches(found.Key, dS.transpose(1, 2), heads.Query);
    }

    private long Batches(PackedRows rows) => shape.KeyValueHeads * (long)rows.Rows;

    /// <summary>First and number of the batches of each slice: whole key/value heads.</summary>
    private IEnumerable<(long First, long Count)> Parts(PackedRows rows)
    {
        int size = (shape.KeyValueHeads + Slices - 1) / Slices;
        for (int head = 0; head < shape.KeyValueHeads; head += size)
        {
            yield return (head * (long)rows.Rows, Math.Min(size, shape.KeyValueHeads - head) * (long)rows.Rows);
        }
    }

    private Tensor Values(Tensor heads) => heads.view(-1, shape.HeadSize);

    /// <summary>Heads in rows, views of one tensor: q, v, k and, before them, room for as much as q.</summary>
    /// <param name="Laid">All but the room, [places, headSize], in the order of <see cref="PackedRows.All"/>.</param>
    /// <param name="Room">[batches, group columns, headSize], where there is any.</param>
    /// <param name="Query">Like it.</param>
    /// <param name="Value">[batches, columns, headSize].</param>
    /// <param name="Key">Like it.</param>
    private sealed record RowHeads(Tensor Laid, Tensor? Room, Tensor Query, Tensor Value, Tensor Key)
    {
        /// <summary>Room and q as twice the batches, v and k likewise; null for a slice of them, whose parts lie apart.</summary>
        public Tensor? RoomAndQuery { get; private init; }

        public Tensor? ValueAndKey { get; private init; }

        public static Tensor Take(TensorStack stack, ScalarType type, PackedRows rows, AttentionHeads shape, bool hasRoom) =>
            stack.Take(type, shape.KeyValueHeads * (long)rows.Rows * rows.Columns * (((hasRoom ? 2 : 1) * shape.Group) + 2), shape.HeadSize);

        public static RowHeads Of(Tensor all, PackedRows rows, AttentionHeads shape, bool hasRoom)
        {
            long batches = shape.KeyValueHeads * (long)rows.Rows;
            long queries = batches * shape.Group * rows.Columns;
            long keys = batches * rows.Columns;
            long room = hasRoom ? queries : 0;
            return new(
                all.narrow(0, room, queries + (2 * keys)),
                hasRoom ? Part(0, queries, batches) : null,
                Part(room, queries, batches),
                Part(room + queries, keys, batches),
                Part(room + queries + keys, keys, batches))
            {
                RoomAndQuery = hasRoom ? Part(0, 2 * queries, 2 * batches) : null,
                ValueAndKey = Part(room + queries, 2 * keys, 2 * batches),
            };

            Tensor Part(long first, long count, long batches) => all.narrow(0, first, count).view(batches, -1, shape.HeadSize);
        }

        public RowHeads Narrow(long first, long count) => count == Query.shape[0]
            ? this
            : new(Laid, Room?.narrow(0, first, count), Query.narrow(0, first, count), Value.narrow(0, first, count), Key.narrow(0, first, count));
    }

    /// <summary>Probabilities, [batches, group columns, columns], and the tanh of capped scores where it is not overwritten by them.</summary>
    /// <param name="P">The probabilities.</param>
    /// <param name="Bent">Like them.</param>
    /// <param name="Both">Both as twice the batches; null where there is one of them, and for a slice.</param>
    private sealed record Scores(Tensor P, Tensor? Bent, Tensor? Both)
    {
        public static Tensor Take(TensorStack stack, ScalarType type, long batches, PackedRows rows, AttentionHeads shape, bool apart) =>
            stack.Take(type, AreBoth(shape, apart) ? 2 * batches : batches, (long)shape.Group * rows.Columns, rows.Columns);

        public static Scores Of(Tensor all, AttentionHeads shape, bool apart)
        {
            long batches = all.shape[0] / 2;
            return AreBoth(shape, apart) ? new(all.narrow(0, 0, batches), all.narrow(0, batches, batches), all) : new(all, null, null);
        }

        public Scores Narrow(long first, long count) => count == P.shape[0] ? this : new(P.narrow(0, first, count), Bent?.narrow(0, first, count), null);

        private static bool AreBoth(AttentionHeads shape, bool apart) => apart && shape.Cap is not null;
    }

    /// <summary>Heads in rows, and the scores; null when they are to be computed again.</summary>
    private sealed record PlainState(Tensor Heads, Tensor? Scores) : AttentionState
    {
        /// <inheritdoc/>
        public override IEnumerable<Tensor> Tensors => new[] { Heads, Scores }.OfType<Tensor>();
    }
}
