using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>
/// libtorch's memory-efficient attention (arXiv 2112.05682, by CUTLASS): every GPU that libtorch serves, Windows too, float16, bfloat16 and float32, windows,
/// documents by their ends. No grouped heads.
/// </summary>
internal sealed class EfficientAttention : AttentionOperator
{
    // A query sees keys from its document's first to itself.
    private const long CausalFromTopLeft = 1;

    // The kernel's blocks of queries; their statistics are laid out in whole ones.
    private const long Block = 32;

    // Several splits of the keys would add up dq in the order in which they end, which is another each time.
    private const long OneSplit = 1;

    // The largest blocks of queries and of keys that the backward pass works in (kernel_backward.h), and the widest heads whose dk and dv stay in registers.
    private const long BackwardBlock = 128;

    /// <inheritdoc/>
    public override string Name => OperatorNeeds.EfficientAttention.Name;

    /// <inheritdoc/>
    public override bool NeedsEqualHeads => !OperatorNeeds.EfficientAttention.Heads!.AreGrouped;

    /// <inheritdoc/>
    public override (Tensor Mixed, Tensor[] Statistics) Forward(HeadParts heads, AttentionHeads shape, DocumentPlaces documents)
    {
        (Tensor mixed, Tensor sums, Tensor seed, Tensor offset) = EfficientAttentionCall.Forward(
            heads.Query.unsqueeze(0), // [1, tokens, heads, headSize]
            heads.Key.unsqueeze(0),
            heads.Value.unsqueeze(0),
            documents.Ends,
            documents.Longest,
            shape.Factor,
            shape.Window);
        return (mixed.squeeze(0), [sums, seed, offset]);
    }

    /// <inheritdoc/>
    public override HeadParts Backward(
        Tensor dMixed, HeadParts heads, AttentionHeads shape, DocumentPlaces documents, Tensor mixed, Tensor[] statistics)
    {
        // (grad_query, grad_key, grad_value, grad_bias).
        Tensor[] results = Dispatcher.Call(
            "aten::_efficient_attention_backward",
            "",
            results: 4,
            tensors: 4,
            dMixed.unsqueeze(0),
            heads.Query.unsqueeze(0),
            heads.Key.unsqueeze(0),
            heads.Value.unsqueeze(0),
            OperatorArgument.None,
            mixed.unsqueeze(0),
            OperatorArgument.Some(documents.Ends),
            OperatorArgument.Some(documents.Ends),
            (long)documents.Longest,
            (long)documents.Longest,
            statistics[0],
            0.0,
            statistics[1],
            statistics[2],
            CausalFromTopLeft,
            false,
            OperatorArgument.Some(shape.Factor),
            OperatorArgument.Some(OneSplit),
            Window(shape),
            false);
        return new(results[0].squeeze(0), results[1].squeeze(0), results[2].squeeze(0));
    }

    /// <inheritdoc/>
    public override long StatisticBytes(IReadOnlyList<int> lengths) => lengths.Count * Whole(lengths.Max(), Block) * sizeof(float);

    /// <inheritdoc/>
    public override long Workspace(IReadOnlyList<int> lengths, AttentionHeads shape, int elementSize)
    {
        // For each head of each document, as long as the longest: dq added up in float32 whatever the dtype, since keys may be split (kNeedsAccumGradQ), and one
        // block of dk and dv where they are too wide for registers.
        long width = Whole(shape.HeadSize, BackwardBlock);
        long sums = Whole(lengths.Max(), BackwardBlock) * width;
        long blocks = shape.HeadSize > BackwardBlock ? 2 * BackwardBlock * width : 0;
        long products = lengths.Sum(length => (long)length); // Σ dO O of each query
        return shape.Heads * sizeof(float) * ((lengths.Count * (sums + blocks)) + products);
    }

    private static long Whole(long count, long block) => (count + block - 1) / block * block;

    private static OperatorArgument Window(AttentionHeads shape) => shape.Window is int window ? OperatorArgument.Some((long)window) : OperatorArgument.None;
}
