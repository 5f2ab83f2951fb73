using Lora.Kernels;

namespace Lora.Models;

/// <summary>
/// A block that the fused step computes: norms before attention and an MLP, gated or plain, behind both, or both; one after the other or side by side; q and k
/// normalised and rotated or not.
/// </summary>
/// <param name="Block">The shape that it is of.</param>
/// <param name="AttentionNorm">Of what attention sees; null where that is what comes in (OLMo 2).</param>
/// <param name="MlpNorm">Of what the MLP sees, likewise; in a parallel block null for what attention sees.</param>
/// <param name="Mlp">Its MLP.</param>
internal sealed record FusedBlock(BlockShape Block, NormShape? AttentionNorm, NormShape? MlpNorm, MlpShape Mlp)
{
    /// <summary>Whether attention and MLP both see the block's input, and are added to it together.</summary>
    public bool IsParallel { get; init; }

    /// <summary>Whether they see it through one norm.</summary>
    public bool SharesNorm => IsParallel && MlpNorm is null;

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
        bool isServed = model.FinalNorm is { Heads: null } && IsServed(model.Embedding) && IsServed(model.Head) && model.OutputProjection is null
            && blocks.Length == model.Blocks.Count
            && blocks.All(block => block.Attention.HeadDimension == blocks[0].Attention.HeadDimension);
        return isServed ? [.. blocks.Select(block => block with { Rotation = block.Attention.Rope is RopeParameters own ? rotations.IndexOf(own) : null })] : null;
    }

    private static FusedBlock? Of(BlockShape shape)
    {
        FusedBlock? block = shape switch
        {
            PreNormShape plain => new(shape, plain.AttentionNorm, plain.MlpNorm, plain.Mlp) { ResidualScale = plain.ResidualScale },
            ParallelShape parallel => new(shape, parallel.AttentionNorm, parallel.MlpNorm, parallel.Mlp) { IsParallel = true },
            FourNormShape four => new(shape, four.AttentionNorm, four.MlpNorm, four.Mlp) { OutputNorms = (four.AttentionOutputNorm, four.MlpOutputNorm) },
            OutputNormShape behind => new(shape, null, null, behind.Mlp) { OutputNorms = (behind.AttentionNorm, behind.MlpNorm) },
            _ => null,
        };
        return block is not null && IsServed(block) ? block : null;
    }

    private static bool IsServed(FusedBlock block) =>
        block.Attention is { Alibi: null, HasSinks: false } and not { Rope.IsInterleaved: true } and not { IsConv1D: true, Projections.Count: > 1 }
        && IsServed(block.Mlp)
        && block.Attention is { QueryNorm: null or { TakesMean: false }, KeyNorm: null or { TakesMean: false } }
        && (IsOfHeads(block.Attention) || IsOfAllHeads(block.Attention))

        // The scale of a branch goes onto the input of its last layer, past whose bias it would not reach.
        && (block.ResidualScale == 1 || (block.Mlp is GatedMlpShape { Bias: false } && !block.Attention.OutputBias));

    private static bool IsServed(MlpShape mlp) => mlp is GatedMlpShape || (mlp is PlainMlpShape plain && Activations.KernelOf(plain.Activation) is not null);

    private static bool IsServed(EmbeddingShape embedding) => embedding is { Width: null, Projection: null, Norm: null };

    // Logits are scaled and capped by what the last norm gives, before a bias is added.
    private static bool IsServed(HeadShape head) => head is { Bias: false } or { Scale: 1, Cap: null };

    /// <summary>Whether q and k are normalised head by head, or not at all.</summary>
    private static bool IsOfHeads(AttentionShape attention) =>
        (attention.QueryNorm?.Width ?? attention.HeadDimension) == attention.HeadDimension && attention.KeyNorm?.Width == attention.QueryNorm?.Width;

    /// <summary>Whether all heads of q are normalised at once, and those of k.</summary>
    private static bool IsOfAllHeads(AttentionShape attention) =>
        attention.QueryNorm?.Width == attention.QueryWidth && attention.KeyNorm?.Width == attention.KeyWidth;
}
