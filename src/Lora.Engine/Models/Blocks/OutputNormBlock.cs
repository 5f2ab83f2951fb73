using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>x += norm attention(x); x += norm mlp(x).</summary>
internal sealed class OutputNormBlock : BlockModule
{
    private readonly nn.Module<Tensor, BlockContext, Tensor> attention;
    private readonly nn.Module<Tensor, Tensor> attentionNorm;
    private readonly nn.Module<Tensor, BlockContext, Tensor> mlp;
    private readonly nn.Module<Tensor, Tensor> mlpNorm;

    public OutputNormBlock(OutputNormShape shape, Weights weights)
        : base(nameof(OutputNormBlock))
    {
        attention = Child(shape.Attention.Name, shape.Attention.Build(weights));
        attentionNorm = Child(shape.AttentionNorm.Name, shape.AttentionNorm.Build(weights));
        mlp = Child(shape.Mlp.Name, shape.Mlp.Build(weights));
        mlpNorm = Child(shape.MlpNorm.Name, shape.MlpNorm.Build(weights));
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor hidden, BlockContext context)
    {
        // The residual itself is never normalised: attention and MLP are given it as it is.
        hidden = hidden.Plus(attentionNorm.call(attention.call(hidden, context))); // [batch, tokens, hidden]
        return hidden.Plus(mlpNorm.call(mlp.call(hidden, context))); // [batch, tokens, hidden]
    }
}
