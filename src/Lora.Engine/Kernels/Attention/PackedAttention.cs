using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>Attention by an operator of libtorch: one call for the whole batch each way, which keeps no probabilities and makes its results itself.</summary>
/// <param name="operation">The operator.</param>
/// <param name="reasons">Why others were not chosen.</param>
/// <param name="shape">The heads.</param>
/// <param name="elementSize">Of the activations.</param>
internal sealed class PackedAttention(AttentionOperator operation, IReadOnlyList<string> reasons, AttentionHeads shape, int elementSize) : IAttention
{
    /// <inheritdoc/>
    public string? Way => $"by {operation.Name}{(reasons.Count == 0 ? "" : $" ({string.Join("; ", reasons)})")}";

    /// <inheritdoc/>
    public bool KeepsInputs => true;

    private bool IsExpanding => operation.NeedsEqualHeads && shape.Group > 1;

    /// <inheritdoc/>
    public (Tensor Mixed, AttentionState State) Forward(
        HeadParts heads, DocumentPlaces documents, TensorStack place, TensorStack mixedPlace, bool keepsProbabilities)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor mixed, Tensor[] statistics) = operation.Forward(Expanded(heads), shape, documents);

        // What was mixed is part of the state too: the backward pass takes the sum of each row of probabilities times gradients from it.
        place.Adopt(mixed);
        return (mixed, new PackedState(mixed, [.. statistics.Select(place.Adopt)]));
    }

    /// <inheritdoc/>
    public void Backward(Tensor dMixed, HeadParts heads, AttentionState state, DocumentPlaces documents, HeadParts gradients)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor mixed, Tensor[] statistics) = (PackedState)state;
        HeadParts found = operation.Backward(dMixed, Expanded(heads), shape, documents, mixed, statistics);
        if (!IsExpanding)
        {
            ResultInto.Joined(gradients.All!, [found.Query, found.Key, found.Value], dimension: 1);
            return;
        }

        gradients.Query.copy_(found.Query);
        Sum(found.Key, gradients.Key);
        Sum(found.Value, gradients.Value);
    }

    /// <inheritdoc/>
    public AttentionBytes Bytes(IReadOnlyList<int> lengths, int slices)
    {
        long tokens = lengths.Sum(length => (long)length);
        long expanded = IsExpanding ? 2 * shape.Queries : 0;
        long gradients = shape.Queries + (2 * (IsExpanding ? shape.Queries : shape.Keys));
        return new(
            Kept: 0,
            Probabilities: 0,
            Keeping: default,
            Again: default,
            Made: (elementSize * tokens * shape.Queries) + (shape.Heads * operation.StatisticBytes(lengths)),
            Passing: (elementSize * tokens * (expanded + gradients)) + operation.Workspace(lengths, shape, elementSize));
    }

    /// <summary>k and v with a head for each of q, where the operator asks for it: one copy of both.</summary>
    private HeadParts Expanded(HeadParts heads)
    {
        if (!IsExpanding)
        {
            return heads;
        }

        // [tokens, 2 kvHeads, group, headSize], a view where k and v lie side by side.
        Tensor groups = heads.All is Tensor all ? Groups(all.narrow(1, shape.Heads, 2 * shape.KeyValueHeads)) : cat([Groups(heads.Key), Groups(heads.Value)], 1);
        Tensor repeated = groups.flatten(1, 2); // [tokens, 2 heads, headSize]
        return heads with { Key = repeated.narrow(1, 0, shape.Heads), Value = repeated.narrow(1, shape.Heads, shape.Heads) };

        Tensor Groups(Tensor rows) => rows.unsqueeze(2).expand(rows.shape[0], rows.shape[1], shape.Group, shape.HeadSize);
    }

    /// <summary>Adds up gradients of k or v of the heads that were made of one.</summary>
    private void Sum(Tensor found, Tensor gradient)
    {
        using Tensor groups = found.view(found.shape[0], shape.KeyValueHeads, shape.Group, shape.HeadSize);
        ResultInto.Sum(gradient, groups, dimension: 2);
    }

    /// <summary>What was mixed, [tokens, heads, headSize], and the logarithms of the sums of each query's scores, as the operator has them.</summary>
    private sealed record PackedState(Tensor Mixed, Tensor[] Statistics) : AttentionState
    {
        /// <inheritdoc/>
        public override IEnumerable<Tensor> Tensors => Statistics.Prepend(Mixed);
    }
}
