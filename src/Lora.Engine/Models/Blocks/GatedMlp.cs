using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>down(silu(gate x) * up x) (SwiGLU, arXiv 2002.05202).</summary>
internal sealed class GatedMlp : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> gate_proj;
    private readonly nn.Module<Tensor, Tensor> up_proj;
    private readonly nn.Module<Tensor, Tensor> down_proj;

    public GatedMlp(DecoderConfig config, Weights weights)
        : base(nameof(GatedMlp))
    {
        gate_proj = weights.Linear(nameof(gate_proj), config.HiddenSize, config.IntermediateSize, config.MlpBias);
        up_proj = weights.Linear(nameof(up_proj), config.HiddenSize, config.IntermediateSize, config.MlpBias);
        down_proj = weights.Linear(nameof(down_proj), config.IntermediateSize, config.HiddenSize, config.MlpBias);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) =>
        down_proj.call(nn.functional.silu(gate_proj.call(input)) * up_proj.call(input)); // [batch, tokens, hidden]
}
