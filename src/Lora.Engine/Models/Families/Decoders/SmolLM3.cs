using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>SmolLM3 (Hugging Face).</summary>
/// <remarks>
/// Llama's block; every fourth has no rotation (arXiv 2501.18795): no_rope_layers says 0 of it, or else no_rope_layer_interval counts them.
/// sliding_window holds only with use_sliding_window, and in blocks without a rotation; layer_types wins.
/// The rotation has a base of 2,000,000 and there are four key/value heads where the keys are missing.
/// Biases only with attention_bias or mlp_bias.
/// Tied by default. PEFT has no default targets for it.
/// </remarks>
internal sealed class SmolLM3 : ModelFamily
{
    /// <inheritdoc/>
    public override string ModelType => "smollm3";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: true);

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this, keyValueHeads: 4, theta: 2e6);
        SlidingWindows windows = new(values);
        int interval = values.Count("no_rope_layer_interval", 4);
        bool bias = values.Flag("attention_bias"), slides = values.Flag("use_sliding_window");
        AttentionShape attention = sizes.Attention() with { Bias = bias, OutputBias = bias };
        GatedMlpShape mlp = sizes.GatedMlp() with { Bias = values.Flag("mlp_bias"), Activation = GateReader.ReadSilu(values) };
        return sizes.Model(this, layer =>
        {
            bool rotates = values.NumberAt("no_rope_layers", layer) is double said ? said != 0 : (layer + 1) % interval != 0;
            return sizes.PreNorm(attention with { Rope = rotates ? sizes.Rope : null, Window = windows.Of(layer, slides && !rotates) }, mlp);
        });
    }
}
