using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>One block of a model. Records are equal where blocks are alike, so that names are found out for each kind once.</summary>
internal abstract record BlockShape
{
    /// <summary>The block's attention.</summary>
    public abstract AttentionShape SelfAttention { get; }

    /// <summary>Matrices that one product takes together, by their names within the block; a quantised model has their values at the same time.</summary>
    public abstract IEnumerable<IReadOnlyList<string>> Products { get; }

    /// <summary>Makes the block's module: hidden states [batch, tokens, hidden] -> the same.</summary>
    /// <param name="weights">Those below the block's name.</param>
    public abstract nn.Module<Tensor, BlockContext, Tensor> Build(Weights weights);
}

/// <summary>x += attention(norm x); x += mlp(norm x): Llama and most of those after it.</summary>
internal sealed record PreNormShape(NormShape AttentionNorm, AttentionShape Attention, NormShape MlpNorm, MlpShape Mlp) : BlockShape
{
    /// <summary>What attention and MLP are multiplied by before they are added (Granite).</summary>
    public double ResidualScale { get; init; } = 1;

    /// <inheritdoc/>
    public override AttentionShape SelfAttention => Attention;

    /// <inheritdoc/>
    public override IEnumerable<IReadOnlyList<string>> Products => [.. Attention.Products, .. Mlp.Products];

    /// <inheritdoc/>
    public override nn.Module<Tensor, BlockContext, Tensor> Build(Weights weights) => new PreNormBlock(this, weights);
}

/// <summary>x += norm attention(x); x += norm mlp(x) (OLMo 2).</summary>
internal sealed record OutputNormShape(AttentionShape Attention, NormShape AttentionNorm, MlpShape Mlp, NormShape MlpNorm) : BlockShape
{
    /// <inheritdoc/>
    public override AttentionShape SelfAttention => Attention;

    /// <inheritdoc/>
    public override IEnumerable<IReadOnlyList<string>> Products => [.. Attention.Products, .. Mlp.Products];

    /// <inheritdoc/>
    public override nn.Module<Tensor, BlockContext, Tensor> Build(Weights weights) => new OutputNormBlock(this, weights);
}

/// <summary>x += attention(norm x) + mlp(norm x), each with a norm of its own or both with one (GPT-J, GPT-NeoX, Falcon, Phi, Cohere).</summary>
/// <param name="AttentionNorm">What attention sees.</param>
/// <param name="Attention">The attention.</param>
/// <param name="MlpNorm">What the MLP sees; null for the same.</param>
/// <param name="Mlp">The MLP.</param>
internal sealed record ParallelShape(NormShape AttentionNorm, AttentionShape Attention, NormShape? MlpNorm, MlpShape Mlp) : BlockShape
{
    /// <inheritdoc/>
    public override AttentionShape SelfAttention => Attention;

    /// <inheritdoc/>
    public override IEnumerable<IReadOnlyList<string>> Products => [.. Attention.Products, .. Mlp.Products];

    /// <inheritdoc/>
    public override nn.Module<Tensor, BlockContext, Tensor> Build(Weights weights) => new ParallelBlock(this, weights);
}

/// <summary>x = norm(x + attention(x)); x = norm(x + mlp(x)): the first transformers (arXiv 1706.03762), and the OPT of 350 million.</summary>
internal sealed record PostNormShape(AttentionShape Attention, NormShape AttentionNorm, MlpShape Mlp, NormShape MlpNorm) : BlockShape
{
    /// <inheritdoc/>
    public override AttentionShape SelfAttention => Attention;

    /// <inheritdoc/>
    public override IEnumerable<IReadOnlyList<string>> Products => [.. Attention.Products, .. Mlp.Products];

    /// <inheritdoc/>
    public override nn.Module<Tensor, BlockContext, Tensor> Build(Weights weights) => new PostNormBlock(this, weights);
}

/// <summary>x += norm attention(norm x); x += norm mlp(norm x) (Gemma 2, Gemma 3).</summary>
internal sealed record FourNormShape(
    NormShape AttentionNorm, AttentionShape Attention, NormShape AttentionOutputNorm, NormShape MlpNorm, MlpShape Mlp, NormShape MlpOutputNorm) : BlockShape
{
    /// <inheritdoc/>
    public override AttentionShape SelfAttention => Attention;

    /// <inheritdoc/>
    public override IEnumerable<IReadOnlyList<string>> Products => [.. Attention.Products, .. Mlp.Products];

    /// <inheritdoc/>
    public override nn.Module<Tensor, BlockContext, Tensor> Build(Weights weights) => new FourNormBlock(this, weights);
}
