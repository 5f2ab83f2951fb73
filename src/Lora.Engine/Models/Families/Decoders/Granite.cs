using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Granite 3 (IBM), the dense models.</summary>
/// <remarks>
/// Llama's block with four multipliers, each 1 where its key is missing.
/// Embeddings are multiplied by embedding_multiplier; scores by attention_multiplier itself, in place of 1 / sqrt(head size).
/// What attention and MLP give is multiplied by residual_multiplier before it is added; logits are divided by logits_scaling.
/// Biases only with attention_bias or mlp_bias.
/// Untied by default. PEFT has no default targets for it.
/// </remarks>
internal sealed class Granite : ModelFamily
{
    /// <inheritdoc/>
    public override string ModelType => "granite";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false);

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this);
        bool bias = values.Flag("attention_bias");
        AttentionShape attention = sizes.Attention() with { Bias = bias, OutputBias = bias, Scale = values.Number("attention_multiplier", 1) };
        GatedMlpShape mlp = sizes.GatedMlp() with { Bias = values.Flag("mlp_bias"), Activation = GateReader.ReadSilu(values) };
        PreNormShape block = sizes.PreNorm(attention, mlp) with { ResidualScale = values.Number("residual_multiplier", 1) };
        ModelShape model = sizes.Model(this, _ => block);
        double divisor = values.PositiveUnlessNull("logits_scaling", 1) ?? 1;
        return model with
        {
            Embedding = new() { Scale = values.Number("embedding_multiplier", 1) },
            Head = model.Head with { Scale = 1 / divisor },
        };
    }
}
