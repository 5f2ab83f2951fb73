using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>down(activation(up x)) (arXiv 1706.03762).</summary>
internal sealed class PlainMlp : BlockModule
{
    private readonly Func<Tensor, Tensor> activation;
    private readonly nn.Module<Tensor, Tensor> up;
    private readonly nn.Module<Tensor, Tensor> down;

    public PlainMlp(PlainMlpShape shape, Weights weights)
        : base(nameof(PlainMlp))
    {
        activation = Activations.Of(shape.Activation);
        up = Child(shape.Up, weights.Linear(shape.Up, shape.HiddenSize, shape.IntermediateSize, shape.Bias, shape.IsConv1D));
        down = Child(shape.Down, weights.Linear(shape.Down, shape.IntermediateSize, shape.HiddenSize, shape.Bias, shape.IsConv1D));
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, BlockContext context) => down.call(activation(up.call(input))); // [batch, tokens, hidden]
}
