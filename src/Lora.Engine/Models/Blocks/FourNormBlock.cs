using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>x += norm attention(norm x); x += norm mlp(norm x) (Gemma 2).</summary>
internal sealed class FourNormBlock : BlockModule
{
    private readonly nn.Module<Tensor, Tensor> attentionNorm;
    private readonly nn.Module<Tensor, BlockContext, Tensor> attention;
    private readonly nn.Module<Tensor, Tensor> attentionOutputNorm;
    private readonly nn.Module<Tensor, Tensor> mlpNorm;
    private readonly nn.Module<Tensor, BlockContext, Tensor> mlp;
    private readonly nn.Module<Tensor, Tensor> mlpOutputNorm;

    public FourNormBlock(FourNormShape shape, Weights weights)
        : base(nameof(FourNormBlock))
    {
        attentionNorm = Child(shape.AttentionNorm.Name, shape.AttentionNorm.Build(weights));
        attention = Child(shape.Attention.Name, shape.Attention.Build(weights));
        attentionOutputNorm = Child(shape.AttentionOutputNorm.Name, shape.AttentionOutputNorm.Build(weights));
        mlpNorm = Child(shape.MlpNorm.Name, shape.MlpNorm.Build(weights));
        mlp = Child(shape.Mlp.Name, shape.Mlp.Build(weights));
        mlpOutputNorm = Child(shape.MlpOutputNorm.Name, shape.MlpOutputNorm.Build(weights));
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor hidden, BlockContext context)
    {
        Tensor attended = attention.call(attentionNorm.call(hidden), context); // [batch, tokens, hidden]

        // What attention and MLP give is normalised too, before it is added.
        hidden = hidden.Plus(attentionOutputNorm.call(attended)); // [batch, tokens, hidden]
        Tensor active = mlp.call(mlpNorm.call(hidden), context); // [batch, tokens, hidden]
        return hidden.Plus(mlpOutputNorm.call(active));
    }
}
