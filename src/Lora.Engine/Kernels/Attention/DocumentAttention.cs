using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>libtorch's flash attention for processors, which takes grouped heads and knows no documents: one call for each.</summary>
internal sealed class DocumentAttention : AttentionOperator
{
    private const string Operator = "aten::_scaled_dot_product_flash_attention_for_cpu";

    /// <inheritdoc/>
    public override string Name => Operator;

    /// <inheritdoc/>
    public override (Tensor Mixed, Tensor[] Statistics) Forward(HeadParts heads, AttentionHeads shape, DocumentPlaces documents)
    {
        Tensor mixed = empty(heads.Query.shape, dtype: heads.Query.dtype, device: heads.Query.device); // [tokens, heads, headSize]
        List<Tensor> sums = [];
        foreach ((int start, int length) in documents.Places)
        {
            // (output, logsumexp): [1, heads, length, headSize] and [1, heads, length].
            Tensor[] results = Dispatcher.Call(
                Operator, "", results: 2, tensors: 2, Heads(heads.Query), Heads(heads.Key), Heads(heads.Value), 0.0, shape.Window is null, Hidden(shape, length, mixed), OperatorArgument.Some(shape.Factor));
            Rows(mixed).copy_(results[0].squeeze(0).transpose(0, 1));
            sums.Add(results[1]);

            Tensor Rows(Tensor all) => all.narrow(0, start, length);

            Tensor Heads(Tensor all) => Rows(all).transpose(0, 1).unsqueeze(0);
        }

        return (mixed, [.. sums]);
    }

    /// <inheritdoc/>
    public override HeadParts Backward(
        Tensor dMixed, HeadParts heads, AttentionHeads shape, DocumentPlaces documents, Tensor mixed, Tensor[] statistics)
    {
        HeadParts gradients = new(Like(heads.Query), Like(heads.Key), Like(heads.Value));
        foreach (((int start, int length), Tensor sums) in documents.Places.Zip(statistics))
        {
            Tensor[] results = Dispatcher.Call(
                Operator + "_backward",
                "",
                results: 3,
                tensors: 3,
                Heads(dMixed),
                Heads(heads.Query),
                Heads(heads.Key),
                Heads(heads.Value),
                Heads(mixed),
                sums,
                0.0,
                shape.Window is null,
                Hidden(shape, length, mixed),
                OperatorArgument.Some(shape.Factor));
            foreach ((Tensor found, Tensor gradient) in results.Zip([gradients.Query, gradients.Key, gradients.Value]))
            {
                Rows(gradient).copy_(found.squeeze(0).transpose(0, 1));
            }

            Tensor Rows(Tensor all) => all.narrow(0, start, length);

            Tensor Heads(Tensor all) => Rows(all).transpose(0, 1).unsqueeze(0);
        }

        return gradients;

        static Tensor Like(Tensor tensor) => empty(tensor.shape, dtype: tensor.dtype, device: tensor.device);
    }

    /// <inheritdoc/>
    public override long StatisticBytes(IReadOnlyList<int> lengths) => lengths.Sum(length => (long)length) * sizeof(double);

    /// <inheritdoc/>
    public override long Workspace(IReadOnlyList<int> lengths, AttentionHeads shape, int elementSize)
    {
        // Each document's results, before they are all in one tensor; and what is hidden of its scores: distances, flags, and what is added.
        long pairs = shape.Window is null ? 0 : lengths.Sum(length => (long)length * length);
        return (elementSize * lengths.Sum(length => (long)length) * (shape.Queries + (2 * shape.Keys))) + (pairs * (sizeof(long) + 2 + (2 * elementSize)));
    }

    /// <summary>What is added to the scores where a query does not see all that is before it: minus infinity, [1, 1, length, length].</summary>
    private static OperatorArgument Hidden(AttentionHeads shape, int length, Tensor like)
    {
        if (shape.Window is not int window)
        {
            return OperatorArgument.None;
        }

        Tensor places = Arithmetic.Range(0, length, ScalarType.Int64, like.device); // [length]
        Tensor distance = places.unsqueeze(1) - places; // [queries, keys]

        // Behind the query, or further back than its window.
        Tensor hidden = distance.IsBelow(0).logical_or_(distance.IsAtLeast(window));
        return OperatorArgument.Some(zeros([length, length], dtype: like.dtype, device: like.device).Masked(hidden, double.NegativeInfinity).unsqueeze(0).unsqueeze(0));
    }
}
