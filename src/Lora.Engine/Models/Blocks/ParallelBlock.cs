using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>x += attention(norm x) + mlp(norm x).</summary>
internal sealed class ParallelBlock : BlockModule
{
    private readonly nn.Module<Tensor, Tensor> attentionNorm;
    private readonly nn.Module<Tensor, BlockContext, Tensor> attention;
    private readonly nn.Module<Tensor, Tensor>? mlpNorm;
    private readonly nn.Module<Tensor, BlockContext, Tensor> mlp;

    public ParallelBlock(ParallelShape shape, Weights weights)
        : base(nameof(ParallelBlock))
    {
        attentionNorm = Child(shape.AttentionNorm.Name, shape.AttentionNorm.Build(weights));
        attention = Child(shape.Attention.Name, shape.Attention.Build(weights));
        mlpNorm = shape.MlpNorm is NormShape norm ? Child(norm.Name, norm.Build(weights)) : null;
        mlp = Child(shape.Mlp.Name, shape.Mlp.Build(weights));
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor hidden, BlockContext context)
    {
        Tensor normal = attentionNorm.call(hidden); // [batch, tokens, hidden]
        Tensor active = mlp.call(mlpNorm is null ? normal : mlpNorm.call(hidden), context); // [batch, tokens, hidden]
        return hidden.Plus(attention.call(normal, context)).Plus(active);
    }
}
