using Lora.Kernels;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>down(activation(gate x) · up x) (arXiv 2002.05202).</summary>
internal sealed class GatedMlp : BlockModule
{
    private readonly GateActivation activation;
    private readonly Projections projections;
    private readonly nn.Module<Tensor, Tensor> down;

    public GatedMlp(GatedMlpShape shape, Weights weights)
        : base(nameof(GatedMlp))
    {
        activation = shape.Activation;
        projections = new(weights, shape.HiddenSize, shape.Bias, isConv1D: false, shape.GateUp, shape.IntermediateSize, shape.IntermediateSize);
        projections.Register(this);
        down = Child(shape.Down, weights.Linear(shape.Down, shape.IntermediateSize, shape.HiddenSize, shape.Bias));
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, BlockContext context) => Of(input);

    /// <summary>[..., hidden] -> the same; it hangs on nothing else of the pass.</summary>
    public Tensor Of(Tensor input)
    {
        Tensor[] outputs = projections.Of(input); // gate and up, each [..., intermediate]
        return down.call(GateActivations.Of(activation, outputs[0]) * outputs[1]); // [..., hidden]
    }
}
