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

    // What is kept between the passes: p, and the tanh that a cap bends scores by.
    private int KeptScores => shape.Cap is null ? 1 : 2;

    /// <inheritdoc/>
    public (Tensor Mixed, AttentionState State) Forward(
        HeadParts heads, DocumentPlaces documents, TensorStack place, TensorStack mixedPlace, bool keepsProbabilities)
    {
        using DisposeScope scope = NewDisposeScope();
        ScalarType type = heads.Query.dtype;
        PackedRows rows = documents.Rows(shape, type);
        long batches = shape.KeyValueHeads * (long)rows.Rows;
        Tensor all = place.Take(type, batches, (shape.Group + 2) * rows.Columns, shape.HeadSize); // [kvHeads rows, (group + 2) columns, headSize]
        Scores? kept = keepsProbabilities ? Scores.Take(place, type, batches, rows, shape, apart: true) : null;
        Tensor mixed = mixedPlace.Take(type, heads.Query.shape); // [tokens, heads, headSize]
        using TensorStack.Pass pass = scratch.Begin();
        Tensor joined = heads.All ?? cat([heads.Query, heads.Key, heads.Value], 1); // [tokens, heads + 2 kvHeads, headSize]
        ResultInto.Rows(Values(all), Values(joined), rows.All.IntoRows);
        Tensor mixedRows = scratch.Take(type, batches, shape.Group * rows.Columns, shape.HeadSize);
        foreach ((long first, long count) in Parts(rows))
        {
            using TensorStack.Pass part = scratch.Begin();
            RowHeads some = RowHeads.Of(all.narrow(0, first, count), shape.Group);
            Scores scores = kept?.Narrow(first, count) ?? Scores.Take(scratch, type, count, rows, shape, apart: false);
            Weigh(some, rows, scores);
            ProductInto.Batches(mixedRows.narrow(0, first, count), scores.P, some.Value);
        }

        ResultInto.Rows(Values(mixed), Values(mixedRows), rows.Queries.Back);
        return (mixed, new PlainState(all, kept));
    }

    /// <inheritdoc/>
    public void Backward(Tensor dMixed, HeadParts heads, AttentionState state, DocumentPlaces documents, HeadParts gradients)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        (Tensor all, Scores? kept) = (PlainState)state;
        PackedRows rows = documents.Rows(shape, all.dtype);
        Tensor dAll = scratch.Take(all.dtype, all.shape); // [kvHeads rows, (group + 2) columns, headSize]
        Tensor dRows = scratch.Take(all.dtype, all.shape[0], shape.Group * rows.Columns, shape.HeadSize);
        ResultInto.Rows(Values(dRows), Values(dMixed), rows.Queries.IntoRows);
        foreach ((long first, long count) in Parts(rows))
        {
            using TensorStack.Pass part = scratch.Begin();
            RowHeads some = RowHeads.Of(all.narrow(0, first, count), shape.Group);
            RowHeads found = RowHeads.Of(dAll.narrow(0, first, count), shape.Group);
            Scores scores = kept?.Narrow(first, count) ?? Scores.Take(scratch, all.dtype, count, rows, shape, apart: true);
            if (kept is null)
            {
                Weigh(some, rows, scores);
            }

            Tensor dO = dRows.narrow(0, first, count); // [kvHeads rows, group columns, headSize]

            // dV = Pᵀ dO. The heads of a group are rows of the one product, so it sums over them as well.
            ProductInto.Batches(found.Value, scores.P.transpose(1, 2), dO);
            Tensor dS = scratch.Take(all.dtype, scores.P.shape); // [kvHeads rows, group columns, columns]
            ProductInto.Batches(dS, dO, some.Value.transpose(1, 2)); // dP, and from it dS in its place; zero where a query does not see a key
            ResultInto.SoftmaxGradient(dS, dS, scores.P);
            if (scores.Bent is not null)
            {
                // The slope of cap · tanh(x / cap) is 1 - tanh².
                ResultInto.TanhGradient(dS, dS, scores.Bent);
            }

            ScaledInto.Batches(found.Query, dS, some.Key, shape.Factor);
            ScaledInto.Batches(found.Key, dS.transpose(1, 2), some.Query, shape.Factor);
        }

        ResultInto.Rows(Values(gradients.All!), Values(dAll), rows.All.Back);
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
            Kept: all,
            Probabilities: KeptScores * shape.KeyValueHeads * ofHead,
            Keeping: new(queries, all + queries + ofSlice),
            Again: new(queries + ofSlice, all + queries + ((1 + KeptScores) * ofSlice)),
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

    /// <summary>q [batches, group columns, headSize], k and v [batches, columns, headSize] of rows, views.</summary>
    private readonly record struct RowHeads(Tensor Query, Tensor Key, Tensor Value)
    {
        public static RowHeads Of(Tensor all, int group)
        {
            long columns = all.shape[1] / (group + 2);
            return new(all.narrow(1, 0, group * columns), all.narrow(1, group * columns, columns), all.narrow(1, (group + 1) * columns, columns));
        }
    }

    /// <summary>Probabilities, [batches, group columns, columns], and the tanh of capped scores where it is not overwritten by them.</summary>
    private readonly record struct Scores(Tensor P, Tensor? Bent)
    {
        public static Scores Take(TensorStack stack, ScalarType type, long batches, PackedRows rows, AttentionHeads shape, bool apart)
        {
            long[] sizes = [batches, (long)shape.Group * rows.Columns, rows.Columns];
            return new(stack.Take(type, sizes), apart && shape.Cap is not null ? stack.Take(type, sizes) : null);
        }

        public Scores Narrow(long first, long count) => new(P.narrow(0, first, count), Bent?.narrow(0, first, count));
    }

    /// <summary>q, k and v in rows, and the probabilities; null when they are to be computed again.</summary>
    private sealed record PlainState(Tensor All, Scores? Kept) : AttentionState
    {
        /// <inheritdoc/>
        public override IEnumerable<Tensor> Tensors => new[] { All, Kept?.P, Kept?.Bent }.OfType<Tensor>();
    }
}
