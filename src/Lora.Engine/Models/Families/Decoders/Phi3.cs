using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Phi-3, Phi-3.5 and Phi-4 (arXiv 2404.14219).</summary>
/// <remarks>
/// Llama's block without biases, and with two fused layers: qkv_proj (q, then k, then v) and gate_up_proj (gate, then up).
/// Norms have an epsilon of 1e-5 where the key is missing.
/// Long models have longrope: a divisor for each frequency, one set up to original_max_position_embeddings and one beyond.
/// partial_rotary_factor (Phi-4-mini, 0.75) rotates the first part of each head.
/// sliding_window, where it is a number, holds for every block. Untied.
/// PEFT has no default targets for it.
/// </remarks>
internal sealed class Phi3 : ModelFamily
{
    private static readonly IReadOnlyList<string> QueryKeyValue = ["qkv_proj"];
    private static readonly IReadOnlyList<string> GateUp = ["gate_up_proj"];

    /// <inheritdoc/>
    public override string ModelType => "phi3";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false);

    /// <inheritdoc/>
    public override string SizesWithin =>
        """{"vocab_size": 32064, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32, "num_attention_heads": 32, "max_position_embeddings": 4096}""";

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this, epsilon: 1e-5, kinds: RopeKinds.Long);
        SlidingWindows windows = new(values);
        AttentionShape attention = sizes.Attention() with { Projections = QueryKeyValue };
        GatedMlpShape mlp = sizes.GatedMlp() with { GateUp = GateUp, Activation = GateReader.ReadSilu(values) };
        return sizes.Model(this, layer => sizes.PreNorm(attention with { Window = windows.Of(layer, slides: true) }, mlp));
    }
}
