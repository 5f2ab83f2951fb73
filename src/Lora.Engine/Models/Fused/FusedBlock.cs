namespace Lora.Models;

/// <summary>A block that the fused step computes: norms by root mean squares before attention and a gated MLP, q and k rotated over their whole length.</summary>
internal sealed record FusedBlock(PreNormShape Block, GatedMlpShape Mlp, RopeParameters Rope)
{
    /// <summary>Its attention.</summary>
    public AttentionShape Attention => Block.Attention;

    /// <summary>The model's blocks; null when one of them, or what is around them, is something else.</summary>
    public static FusedBlock[]? In(ModelShape model)
    {
        FusedBlock[] blocks = [.. model.Blocks.Select(Of).OfType<FusedBlock>()];

        // One rotation for all blocks: a step takes the angles of its tokens once.
        bool isServed = IsServed(model.FinalNorm) && model.Head.Cap is null && blocks.Length > 0 && blocks.Length == model.Blocks.Count
            && blocks.All(block => block.Rope == blocks[0].Rope && block.Attention.HeadDimension == blocks[0].Attention.HeadDimension);
        return isServed ? blocks : null;
    }

    private static FusedBlock? Of(BlockShape shape) =>
        shape is PreNormShape { Mlp: GatedMlpShape mlp, Attention: { Rope: RopeParameters rope, Scale: null, ScoreCap: null } } block
        && IsServed(block.AttentionNorm) && IsServed(block.MlpNorm)
            ? new(block, mlp, rope)
            : null;

    private static bool IsServed(NormShape? norm) => norm?.Kind is NormKind.RootMeanSquare or NormKind.RootMeanSquareAddOne;
}
