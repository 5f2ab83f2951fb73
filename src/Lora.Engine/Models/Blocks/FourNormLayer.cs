using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>x += norm attention(norm x); x += norm mlp(norm x) (Gemma 2).</summary>
internal sealed class FourNormLayer : nn.Module<Tensor, BlockContext, Tensor>
{
    private readonly RmsNorm input_layernorm;
    private readonly Attention self_attn;
    private readonly RmsNorm post_attention_layernorm;
    private readonly RmsNorm pre_feedforward_layernorm;
    private readonly GatedMlp mlp;
    private readonly RmsNorm post_feedforward_layernorm;

    public FourNormLayer(DecoderConfig config, int layer, Weights weights)
        : base(nameof(FourNormLayer))
    {
        input_layernorm = weights.Norm(nameof(input_layernorm), config.HiddenSize, config);
        self_attn = new(config, layer, weights.At(nameof(self_attn)));
        post_attention_layernorm = weights.Norm(nameof(post_attention_layernorm), config.HiddenSize, config);
        pre_feedforward_layernorm = weights.Norm(nameof(pre_feedforward_layernorm), config.HiddenSize, config);
        mlp = new(config, weights.At(nameof(mlp)));
        post_feedforward_layernorm = weights.Norm(nameof(post_feedforward_layernorm), config.HiddenSize, config);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor hidden, BlockContext context)
    {
        Tensor attended = self_attn.call(input_layernorm.call(hidden), context); // [batch, tokens, hidden]

        // The name is that of other families' second norm, but here it normalises what attention gives, before the sum.
        hidden = hidden.Plus(post_attention_layernorm.call(attended));
        Tensor active = mlp.call(pre_feedforward_layernorm.call(hidden)); // [batch, tokens, hidden]
        return hidden.Plus(post_feedforward_layernorm.call(active));
    }
}
