using Lora.Kernels;

namespace Lora.Models;

/// <summary>
/// A block that the fused step computes: norms by root mean squares before attention and a gated MLP, behind both, or both; q and k normalised and rotated or not.
/// </summary>
/// <param name="Block">The shape that it is of.</param>
/// <param name="AttentionNorm">Of what attention sees; null where that is what comes in (OLMo 2).</param>
/// <param name="MlpNorm">Of what the MLP sees, likewise.</param>
/// <param name="Mlp">Its MLP.</param>
internal sealed record FusedBlock(BlockShape Block, NormShape? AttentionNorm, NormShape? MlpNorm, GatedMlpShape Mlp)
{
    /// <summary>Which of the model's rotations (<see cref="ModelShape.Rotations"/>) turns q and k, counted from 0; null for none.</summary>
    public int? Rotation { get; init; }

    /// <summary>The norms of what attention and MLP give, before it is added (Gemma 2 and 3, OLMo 2); null for none.</summary>
    public (NormShape Attention, NormShape Mlp)? OutputNorms { get; init; }

    /// <summary>What attention and MLP are multiplied by before they are added.</summary>
    public double ResidualScale { get; init; } = 1;

    /// <summary>Its attention.</summary>
    public AttentionShape Attention => Block.SelfAttention;

    /// <summary>What its norms add to the mean of the squares.</summary>
    public double Epsilon => (AttentionNorm ?? OutputNorms!.Value.Attention).Epsilon;

    /// <summary>What scores are multiplied by.</summary>
    public double ScoreScale => Attention.Scale ?? (1 / Math.Sqrt(Attention.HeadDimension));

    /// <summary>Its heads, as kernels ask for them.</summary>
    public AttentionHeads Heads => new(Attention.Heads, Attention.KeyValueHeads, Attention.HeadDimension, Attention.Window, ScoreScale) { Cap = Attention.ScoreCap };

    /// <summary>The model's blocks; null when one of them, or what is around them, is something else.</summary>
    public static FusedBlock[]? In(ModelShape model)
    {
        FusedBlock[] blocks = [.. model.Blocks.Select(Of).OfType<FusedBlock>()];
        List<RopeParameters> rotations = [.. model.Rotations];
        bool isServed = IsServed(model.FinalNorm) && IsServed(model.Embedding) && model.Head is { Bias: false } && model.OutputProjection is null
            && blocks.Length == model.Blocks.Count
            && blocks.All(block => block.Attention.HeadDimension == blocks[0].Attention.HeadDimension);
        return isServed ? [.. blocks.Select(block => block with { Rotation = block.Attention.Rope is RopeParameters own ? rotations.IndexOf(own) : null })] : null;
    }

    private static FusedBlock? Of(BlockShape shape)
    {
        FusedBlock? block = shape switch
        {
            PreNormShape { Mlp: GatedMlpShape mlp } plain => new(shape, plain.AttentionNorm, plain.MlpNorm, mlp) { ResidualScale = plain.ResidualScale },
            FourNormShape { Mlp: GatedMlpShape mlp } four =>
                new(shape, four.AttentionNorm, four.MlpNorm, mlp) { OutputNorms = (four.AttentionOutputNorm, four.MlpOutputNorm) },
            OutputNormShape { Mlp: GatedMlpShape mlp } behind => new(shape, null, null, mlp) { OutputNorms = (behind.AttentionNorm, behind.MlpNorm) },
            _ => null,
        };
        return block is not null && IsServed(block) ? block : null;
    }

    private static bool IsServed(FusedBlock block) =>
        block.Attention is { Alibi: null, HasSinks: false, Order: PackedOrder.Parts, IsConv1D: false } and not { Rope.IsInterleaved: true }
        && new[] { block.AttentionNorm, block.MlpNorm, block.OutputNorms?.Attention, block.OutputNorms?.Mlp, block.Attention.QueryNorm, block.Attention.KeyNorm }.OfType<NormShape>().All(IsServed)
        && (IsOfHeads(block.Attention) || IsOfAllHeads(block.Attention))

        // The scale of a branch goes onto the input of its last layer, past whose bias it would not reach.
        && (block.ResidualScale == 1 || !(block.Attention.OutputBias || block.Mlp.Bias));

    private static bool IsServed(EmbeddingShape embedding) => embedding is { Width: null, Projection: null, Positions: null, Norm: null };

    private static bool IsServed(NormShape? norm) => norm?.Kind is NormKind.RootMeanSquare or NormKind.RootMeanSquareAddOne;

    /// <summary>Whether q and k are normalised head by head, or not at all.</summary>
    private static bool IsOfHeads(AttentionShape attention) =>
        (attention.QueryNorm?.Width ?? attention.HeadDimension) == attention.HeadDimension && attention.KeyNorm?.Width == attention.QueryNorm?.Width;

    /// <summary>Whether all heads of q are normalised at once, and those of k.</summary>
    private static bool IsOfAllHeads(AttentionShape attention) =>
        attention.QueryNorm?.Width == attention.QueryWidth && attention.KeyNorm?.Width == attention.KeyWidth;
}
