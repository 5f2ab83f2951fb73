using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>x += attention(norm x); x += mlp(norm x).</summary>
internal sealed class PreNormBlock : BlockModule
{
    private readonly nn.Module<Tensor, Tensor> attentionNorm;
    private readonly nn.Module<Tensor, BlockContext, Tensor> attention;
    private readonly nn.Module<Tensor, Tensor> mlpNorm;
    private readonly nn.Module<Tensor, BlockContext, Tensor> mlp;

    public PreNormBlock(PreNormShape shape, Weights weights)
        : base(nameof(PreNormBlock))
    {
        attentionNorm = Child(shape.AttentionNorm.Name, shape.AttentionNorm.Build(weights));
        attention = Child(shape.Attention.Name, shape.Attention.Build(weights));
        mlpNorm = Child(shape.MlpNorm.Name, shape.MlpNorm.Build(weights));
        mlp = Child(shape.Mlp.Name, shape.Mlp.Build(weights));
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor hidden, BlockContext context)
    {
        // Norms before and not after: the residual goes through all blocks untouched.
        hidden = hidden.Plus(attention.call(attentionNorm.call(hidden), context)); // [batch, tokens, hidden]
        return hidden.Plus(mlp.call(mlpNorm.call(hidden), context)); // [batch, tokens, hidden]
    }
}
