using Lora.Kernels;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>down(activation(gate x) * up x) (arXiv 2002.05202).</summary>
internal sealed class GatedMlp : nn.Module<Tensor, Tensor>
{
    private readonly GateActivation activation;
    private readonly Projections projections;
    private readonly nn.Module<Tensor, Tensor> down_proj;

    public GatedMlp(DecoderConfig config, Weights weights)
        : base(nameof(GatedMlp))
    {
        activation = config.Activation;
        projections = new(weights, config.HiddenSize, config.MlpBias, ProductNames.Of(config).GateUp, config.IntermediateSize, config.IntermediateSize);
        down_proj = weights.Linear(nameof(down_proj), config.IntermediateSize, config.HiddenSize, config.MlpBias);
        projections.Register(this);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Tensor[] outputs = projections.Of(input); // gate and up, each [batch, tokens, intermediate]
        return down_proj.call(GateActivations.Of(activation, outputs[0]) * outputs[1]); // [batch, tokens, hidden]
    }
}
