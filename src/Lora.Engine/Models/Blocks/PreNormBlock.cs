using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>x += s attention(norm x); x += s mlp(norm x); s is 1 in most families.</summary>
internal sealed class PreNormBlock : BlockModule
{
    private readonly double scale;
    private readonly nn.Module<Tensor, Tensor> attentionNorm;
    private readonly nn.Module<Tensor, BlockContext, Tensor> attention;
    private readonly nn.Module<Tensor, Tensor> mlpNorm;
    private readonly nn.Module<Tensor, BlockContext, Tensor> mlp;

    public PreNormBlock(PreNormShape shape, Weights weights)
        : base(nameof(PreNormBlock))
    {
        scale = shape.ResidualScale;
        attentionNorm = Child(shape.AttentionNorm.Name, shape.AttentionNorm.Build(weights));
        attention = Child(shape.Attention.Name, shape.Attention.Build(weights));
        mlpNorm = Child(shape.MlpNorm.Name, shape.MlpNorm.Build(weights));
        mlp = Child(shape.Mlp.Name, shape.Mlp.Build(weights));
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor hidden, BlockContext context)
    {
        // Norms before and not after: the residual goes through all blocks untouched.
        hidden = hidden.Plus(Scaled(attention.call(attentionNorm.call(hidden), context))); // [batch, tokens, hidden]
        return hidden.Plus(Scaled(mlp.call(mlpNorm.call(hidden), context))); // [batch, tokens, hidden]
    }

    private Tensor Scaled(Tensor branch) => scale == 1 ? branch : branch.Times(scale);
}
