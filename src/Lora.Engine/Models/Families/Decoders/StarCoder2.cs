using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>StarCoder2 (arXiv 2402.19173).</summary>
/// <remarks>
/// Llama's block with LayerNorm (epsilon norm_epsilon) and a plain MLP, whose layers are called c_fc and c_proj.
/// Biases on all linear layers, unless use_bias is false.
/// Two key/value heads where the key is missing.
/// GELU's tanh form.
/// sliding_window, where it is a number, holds for every block.
/// Tied by default. PEFT has no default targets for it.
/// </remarks>
internal sealed class StarCoder2 : ModelFamily
{
    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal) { ["rms_norm_eps"] = "norm_epsilon" };

    /// <inheritdoc/>
    public override string ModelType => "starcoder2";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: true);

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        values = values.Named(Keys);
        DecoderSizes sizes = DecoderSizes.Read(values, this, keyValueHeads: 2, epsilon: 1e-5) with { NormKind = NormKind.Layer };
        SlidingWindows windows = new(values);
        bool bias = values.Flag("use_bias", otherwise: true);
        AttentionShape attention = sizes.Attention() with { Bias = bias, OutputBias = bias };
        PlainMlpShape mlp = sizes.PlainMlp("c_fc", "c_proj", Activations.Read(values, "hidden_act", "gelu_pytorch_tanh")) with { Bias = bias };
        return sizes.Model(this, layer => sizes.PreNorm(attention with { Window = windows.Of(layer, slides: true) }, mlp));
    }
}
