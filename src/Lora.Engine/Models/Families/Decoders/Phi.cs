using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Phi-1, Phi-1.5 and Phi-2 (arXiv 2309.05463).</summary>
/// <remarks>
/// Attention and MLP see the same LayerNorm of the block's input and are added together.
/// The first half of each head is rotated, half-split (partial_rotary_factor).
/// Biases everywhere, also on the head.
/// A plain MLP with GELU's tanh form.
/// qk_layernorm gives each head of q and k a LayerNorm of its size before the rotation.
/// Untied by default.
/// </remarks>
internal sealed class Phi : ModelFamily
{
    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal) { ["rms_norm_eps"] = "layer_norm_eps" };

    /// <inheritdoc/>
    public override string ModelType => "phi";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false) { DefaultTargets = ["q_proj", "v_proj", "fc1", "fc2"] };

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        values = values.Named(Keys);
        DecoderSizes sizes = DecoderSizes.Read(values, this, epsilon: 1e-5, rotatedPart: 0.5) with { NormKind = NormKind.Layer };
        bool normalizes = values.Flag("qk_layernorm");
        AttentionShape attention = sizes.Attention() with
        {
            Output = "dense",
            Bias = true,
            OutputBias = true,
            QueryNorm = normalizes ? sizes.HeadNorm("q_layernorm") : null,
            KeyNorm = normalizes ? sizes.HeadNorm("k_layernorm") : null,
        };
        ParallelShape block = new(sizes.Norm("input_layernorm"), attention, MlpNorm: null, sizes.PlainMlp("fc1", "fc2", Activations.Read(values, "hidden_act", "gelu_new")));
        return sizes.Model(this, _ => block) with { FinalNorm = sizes.Norm("final_layernorm"), Head = new() { IsTied = sizes.IsTied, Bias = true } };
    }
}
