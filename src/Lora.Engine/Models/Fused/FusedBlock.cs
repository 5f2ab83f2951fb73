using Lora.Kernels;

namespace Lora.Models;

/// <summary>A block that the fused step computes: norms by root mean squares before attention and a gated MLP, q and k rotated or not.</summary>
internal sealed record FusedBlock(PreNormShape Block, GatedMlpShape Mlp)
{
    /// <summary>Its attention.</summary>
    public AttentionShape Attention => Block.Attention;

    /// <summary>What scores are multiplied by.</summary>
    public double ScoreScale => Attention.Scale ?? (1 / Math.Sqrt(Attention.HeadDimension));

    /// <summary>Its heads, as kernels ask for them.</summary>
    public AttentionHeads Heads => new(Attention.Heads, Attention.KeyValueHeads, Attention.HeadDimension, Attention.Window, ScoreScale);

    /// <summary>The model's blocks; null when one of them, or what is around them, is something else.</summary>
    public static FusedBlock[]? In(ModelShape model)
    {
        FusedBlock[] blocks = [.. model.Blocks.Select(Of).OfType<FusedBlock>()];

        // One rotation for all blocks that have one: a step takes the angles of its tokens once.
        bool isServed = IsServed(model.FinalNorm) && IsServed(model.Embedding) && model.Head is { Bias: false, Cap: null } && model.OutputProjection is null
            && blocks.Length == model.Blocks.Count
            && blocks.Select(block => block.Attention.Rope).OfType<RopeParameters>().Distinct().Count() == 1
            && blocks.All(block => block.Attention.HeadDimension == blocks[0].Attention.HeadDimension);
        return isServed ? blocks : null;
    }

    private static FusedBlock? Of(BlockShape shape) =>
        shape is PreNormShape { Mlp: GatedMlpShape mlp, Attention: { ScoreCap: null, Alibi: null, HasSinks: false, Order: PackedOrder.Parts, IsConv1D: false } and not { Rope.IsInterleaved: true } } block
        && IsServed(block.AttentionNorm) && IsServed(block.MlpNorm)
        && IsOfHeads(block.Attention.QueryNorm, block.Attention) && IsOfHeads(block.Attention.KeyNorm, block.Attention)
        && block.Attention.QueryNorm is null == block.Attention.KeyNorm is null

        // The scale of a branch goes onto the input of its last layer, past whose bias it would not reach.
        && (block.ResidualScale == 1 || !(block.Attention.OutputBias || mlp.Bias))
            ? new(block, mlp)
            : null;

    private static bool IsServed(EmbeddingShape embedding) => embedding is { Width: null, Projection: null, Positions: null, Norm: null };

    private static bool IsServed(NormShape? norm) => norm?.Kind is NormKind.RootMeanSquare or NormKind.RootMeanSquareAddOne;

    private static bool IsOfHeads(NormShape? norm, AttentionShape attention) => norm is null || (IsServed(norm) && norm.Width == attention.HeadDimension);
}
