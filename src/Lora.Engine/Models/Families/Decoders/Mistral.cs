using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Mistral (arXiv 2310.06825).</summary>
/// <remarks>
/// Llama's block without any bias.
/// Every block sees sliding_window tokens, itself included: 4096 where the key is missing, all where it is null.
/// Eight key/value heads where the key is missing.
/// head_dim is a key of its own in later models (Nemo), else hidden size / heads.
/// Untied.
/// </remarks>
internal sealed class Mistral : ModelFamily
{
    /// <inheritdoc/>
    public override string ModelType => "mistral";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false) { DefaultTargets = ["q_proj", "v_proj"] };

    /// <inheritdoc/>
    public override string SizesWithin =>
        """{"vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "max_position_embeddings": 131072}""";

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this, keyValueHeads: 8);
        SlidingWindows windows = new(values, size: 4096);
        GatedMlpShape mlp = sizes.GatedMlp() with { Activation = GateReader.ReadSilu(values) };
        return sizes.Model(this, layer => sizes.PreNorm(sizes.Attention() with { Window = windows.Of(layer, slides: true) }, mlp));
    }
}
