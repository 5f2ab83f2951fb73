using Lora.Kernels;

namespace Lora.Models;

/// <summary>
/// A block that the fused step computes: norms by root mean squares before attention and a gated MLP, and behind both in some families; q and k rotated or not.
/// </summary>
/// <param name="Block">The shape that it is of.</param>
/// <param name="AttentionNorm">Of what attention sees.</param>
/// <param name="MlpNorm">Of what the MLP sees.</param>
/// <param name="Mlp">Its MLP.</param>
internal sealed record FusedBlock(BlockShape Block, NormShape AttentionNorm, NormShape MlpNorm, GatedMlpShape Mlp)
{
    /// <summary>The norms of what attention and MLP give, before it is added (Gemma 2); null for none.</summary>
    public (NormShape Attention, NormShape Mlp)? OutputNorms { get; init; }

    /// <summary>What attention and MLP are multiplied by before they are added.</summary>
    public double ResidualScale { get; init; } = 1;

    /// <summary>Its attention.</summary>
    public AttentionShape Attention => Block.SelfAttention;

    /// <summary>Whether nothing is normalised behind attention and MLP and no score is capped.</summary>
    public bool IsPlain => OutputNorms is null && Attention.ScoreCap is null;

    /// <summary>What scores are multiplied by.</summary>
    public double ScoreScale => Attention.Scale ?? (1 / Math.Sqrt(Attention.HeadDimension));

    /// <summary>Its heads, as kernels ask for them.</summary>
    public AttentionHeads Heads => new(Attention.Heads, Attention.KeyValueHeads, Attention.HeadDimension, Attention.Window, ScoreScale) { Cap = Attention.ScoreCap };

    /// <summary>The model's blocks; null when one of them, or what is around them, is something else.</summary>
    public static FusedBlock[]? In(ModelShape model)
    {
        FusedBlock[] blocks = [.. model.Blocks.Select(Of).OfType<FusedBlock>()];

        // One rotation for all blocks that have one: a step takes the angles of its tokens once.
        bool isServed = IsServed(model.FinalNorm) && IsServed(model.Embedding) && model.Head is { Bias: false } && model.OutputProjection is null
            && blocks.Length == model.Blocks.Count
            && blocks.Select(block => block.Attention.Rope).OfType<RopeParameters>().Distinct().Count() == 1
            && blocks.All(block => block.Attention.HeadDimension == blocks[0].Attention.HeadDimension);
        return isServed ? blocks : null;
    }

    private static FusedBlock? Of(BlockShape shape)
    {
        FusedBlock? block = shape switch
        {
            PreNormShape { Mlp: GatedMlpShape mlp } plain => new(shape, plain.AttentionNorm, plain.MlpNorm, mlp) { ResidualScale = plain.ResidualScale },
            FourNormShape { Mlp: GatedMlpShape mlp } four =>
                new(shape, four.AttentionNorm, four.MlpNorm, mlp) { OutputNorms = (four.AttentionOutputNorm, four.MlpOutputNorm) },
            _ => null,
        };
        return block is not null && IsServed(block) ? block : null;
    }

    private static bool IsServed(FusedBlock block) =>
        block.Attention is { Alibi: null, HasSinks: false, Order: PackedOrder.Parts, IsConv1D: false } and not { Rope.IsInterleaved: true }
        && IsServed(block.AttentionNorm) && IsServed(block.MlpNorm)
        && (block.OutputNorms is not { } behind || (IsServed(behind.Attention) && IsServed(behind.Mlp)))
        && IsOfHeads(block.Attention.QueryNorm, block.Attention) && IsOfHeads(block.Attention.KeyNorm, block.Attention)
        && block.Attention.QueryNorm is null == block.Attention.KeyNorm is null

        // The scale of a branch goes onto the input of its last layer, past whose bias it would not reach.
        && (block.ResidualScale == 1 || !(block.Attention.OutputBias || block.Mlp.Bias));

    private static bool IsServed(EmbeddingShape embedding) => embedding is { Width: null, Projection: null, Positions: null, Norm: null };

    private static bool IsServed(NormShape? norm) => norm?.Kind is NormKind.RootMeanSquare or NormKind.RootMeanSquareAddOne;

    private static bool IsOfHeads(NormShape? norm, AttentionShape attention) => norm is null || (IsServed(norm) && norm.Width == attention.HeadDimension);
}
