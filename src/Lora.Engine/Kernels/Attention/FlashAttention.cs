using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>FlashAttention 2 (arXiv 2307.08691) in libtorch: grouped heads as they are, windows, documents by their ends; what it asks for is in <see cref="OperatorNeeds"/>.</summary>
internal sealed class FlashAttention : AttentionOperator
{
    // flash_api.cpp, mha_varlen_bwd: tokens that each document's sums are laid apart by, and what a head's width is rounded up to.
    private const long RoomOfDocument = 128;
    private const long HeadUnit = 32;

    // No card that it is built for has more multiprocessors; the driver says how many there are to torch alone.
    private const long MostProcessors = 192;

    /// <inheritdoc/>
    public override string Name => OperatorNeeds.FlashAttention.Name;

    /// <inheritdoc/>
    public override (Tensor Mixed, Tensor[] Statistics) Forward(HeadParts heads, AttentionHeads shape, DocumentPlaces documents)
    {
        // (output, softmax_logsumexp, rng_state, unused, debug_attn_mask); the states are dropout's, which there is none of.
        Tensor[] results = Dispatcher.Call(
            "aten::_flash_attention_forward",
            "",
            results: 5,
            tensors: 5,
            heads.Query, // [tokens, heads, headSize]
            heads.Key,
            heads.Value,
            OperatorArgument.Some(documents.Ends),
            OperatorArgument.Some(documents.Ends),
            (long)documents.Longest,
            (long)documents.Longest,
            0.0,
            true,
            false,
            OperatorArgument.Some(shape.Factor),
            Left(shape),
            OperatorArgument.Some(0L),
            OperatorArgument.None,
            OperatorArgument.None);
        return (results[0], results[1..4]);
    }

    /// <inheritdoc/>
    public override HeadParts Backward(
        Tensor dMixed, HeadParts heads, AttentionHeads shape, DocumentPlaces documents, Tensor mixed, Tensor[] statistics)
    {
        using RepeatableAlgorithms.Scope repeatable = RepeatableAlgorithms.Begin();
        Tensor[] results = Dispatcher.Call(
            "aten::_flash_attention_backward",
            "",
            results: 3,
            tensors: 3,
            dMixed,
            heads.Query,
            heads.Key,
            heads.Value,
            mixed,
            statistics[0],
            documents.Ends,
            documents.Ends,
            (long)documents.Longest,
            (long)documents.Longest,
            0.0,
            true,
            statistics[1],
            statistics[2],
            OperatorArgument.Some(shape.Factor),
            Left(shape),
            OperatorArgument.Some(0L));
        return new(results[0], results[1], results[2]);
    }

    /// <inheritdoc/>
    public override long StatisticBytes(IReadOnlyList<int> lengths) => lengths.Sum(length => (long)length) * sizeof(float);

    /// <inheritdoc/>
    public override long Workspace(IReadOnlyList<int> lengths, AttentionHeads shape, int elementSize)
    {
        // dq and Σ dO O in float32, with room between documents; where numbers have to be the same each time, a dq for each processor that would add to one.
        long tokens = lengths.Sum(length => (long)length);
        long padded = tokens + (RoomOfDocument * lengths.Count);
        long sums = (MostProcessors + ((long)lengths.Count * shape.Heads) - 1) / ((long)lengths.Count * shape.Heads);
        long width = (shape.HeadSize + HeadUnit - 1) / HeadUnit * HeadUnit;

        // Gradients of k and v for each head of q before they are summed.
        long expanded = shape.KeyValueHeads == shape.Heads ? 0 : 2 * tokens * shape.Queries * elementSize;
        return (padded * shape.Heads * sizeof(float) * ((sums * width) + 1)) + expanded;
    }

    // Keys before a query that it sees.
    private static OperatorArgument Left(AttentionHeads shape) => shape.Window is int window ? OperatorArgument.Some(window - 1L) : OperatorArgument.None;
}
