using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>x = norm(x + attention(x)); x = norm(x + mlp(x)).</summary>
internal sealed class PostNormBlock : BlockModule
{
    private readonly nn.Module<Tensor, BlockContext, Tensor> attention;
    private readonly nn.Module<Tensor, Tensor> attentionNorm;
    private readonly nn.Module<Tensor, BlockContext, Tensor> mlp;
    private readonly nn.Module<Tensor, Tensor> mlpNorm;

    public PostNormBlock(PostNormShape shape, Weights weights)
        : base(nameof(PostNormBlock))
    {
        attention = Child(shape.Attention.Name, shape.Attention.Build(weights));
        attentionNorm = Child(shape.AttentionNorm.Name, shape.AttentionNorm.Build(weights));
        mlp = Child(shape.Mlp.Name, shape.Mlp.Build(weights));
        mlpNorm = Child(shape.MlpNorm.Name, shape.MlpNorm.Build(weights));
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor hidden, BlockContext context)
    {
        hidden = attentionNorm.call(hidden.Plus(attention.call(hidden, context))); // [batch, tokens, hidden]
        return mlpNorm.call(hidden.Plus(mlp.call(hidden, context))); // [batch, tokens, hidden]
    }
}
