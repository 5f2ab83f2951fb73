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

    /// <inheritdoc/>
    public override string Name => OperatorNeeds.EfficientAttention.Name;

    /// <inheritdoc/>
    public override bool NeedsEqualHeads => true;

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
            OperatorArgument.None,
            Window(shape),
            false);
        return new(results[0].squeeze(0), results[1].squeeze(0), results[2].squeeze(0));
    }

    /// <inheritdoc/>
    public override long StatisticBytes(IReadOnlyList<int> lengths) => lengths.Count * ((lengths.Max() + Block - 1) / Block * Block) * sizeof(float);

    /// <inheritdoc/>
    public override long Workspace(IReadOnlyList<int> lengths, AttentionHeads shape) => lengths.Sum(length => (long)length) * ((shape.Queries * sizeof(float)) + (shape.Heads * sizeof(float))); // dq added up in float32; Σ dO O

    private static OperatorArgument Window(AttentionHeads shape) => shape.Window is int window ? OperatorArgument.Some((long)window) : OperatorArgument.None;
}
