using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>x += attention(norm x); x += mlp(norm x).</summary>
internal sealed class DecoderLayer : nn.Module<Tensor, BlockContext, Tensor>
{
    private readonly RmsNorm input_layernorm;
    private readonly Attention self_attn;
    private readonly RmsNorm post_attention_layernorm;
    private readonly GatedMlp mlp;

    public DecoderLayer(DecoderConfig config, int layer, Weights weights)
        : base(nameof(DecoderLayer))
    {
        input_layernorm = weights.Norm(nameof(input_layernorm), config.HiddenSize, config);
        self_attn = new(config, layer, weights.At(nameof(self_attn)));
        post_attention_layernorm = weights.Norm(nameof(post_attention_layernorm), config.HiddenSize, config);
        mlp = new(config, weights.At(nameof(mlp)));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor hidden, BlockContext context)
    {
        // Norms before and not after: the residual goes through all blocks untouched.
        hidden = hidden.Plus(self_attn.call(input_layernorm.call(hidden), context)); // [batch, tokens, hidden]
        return hidden.Plus(mlp.call(post_attention_layernorm.call(hidden))); // [batch, tokens, hidden]
    }
}
