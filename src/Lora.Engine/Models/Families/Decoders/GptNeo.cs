using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>GPT-Neo (EleutherAI).</summary>
/// <remarks>
/// Learned positions, and LayerNorm with bias before attention, before the MLP and at the end, as GPT-2 has them; linear layers lie [out, in].
/// Scores are not scaled at all.
/// Blocks take turns, by attention_types: "global" sees all tokens before, "local" window_size (256) of them, itself included.
/// No biases on q, k and v; one on out_proj and on both layers of the MLP.
/// A plain MLP, four times as wide unless intermediate_size says otherwise, with GELU's tanh form.
/// Attention stands one name deeper, attn.attention. Tied by default.
/// </remarks>
internal sealed class GptNeo : ModelFamily
{
    private static readonly Dictionary<string, string> Keys = new(StringComparer.Ordinal)
    {
        ["num_hidden_layers"] = "num_layers",
        ["num_attention_heads"] = "num_heads",
        ["rms_norm_eps"] = "layer_norm_epsilon",
    };

    /// <inheritdoc/>
    public override string ModelType => "gpt_neo";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("transformer", "lm_head", TiedByDefault: true) { TokenClassifier = "classifier", DefaultTargets = ["q_proj", "v_proj"] };

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        values = values.Named(Keys);
        DecoderSizes sizes = DecoderSizes.Read(values, this, epsilon: 1e-5, rotatedPart: 0, widening: 4, hasHeadKeys: false) with { NormKind = NormKind.Layer };
        bool[] local = ReadLocal(values, sizes.Layers);
        int window = values.Count("window_size", 256);
        AttentionShape attention = sizes.Attention() with { Name = "attn.attention", Output = "out_proj", OutputBias = true, Scale = 1 };
        PlainMlpShape mlp = sizes.PlainMlp("c_fc", "c_proj", Activations.Read(values, "activation_function", "gelu_new"));
        return sizes.Model(this, layer => new PreNormShape(sizes.Norm("ln_1"), attention with { Window = local[layer] ? window : null }, sizes.Norm("ln_2"), mlp)) with
        {
            Body = "transformer",
            BlockList = "h",
            Embedding = new() { Name = "wte", Positions = new("wpe", values.Count("max_position_embeddings")) },
            FinalNorm = sizes.Norm("ln_f"),
        };
    }

    /// <summary>Which blocks are local: attention_types is a list of [types, how often they are repeated].</summary>
    private static bool[] ReadLocal(ConfigValues values, int layers)
    {
        IReadOnlyList<string>? types = values.Repeated("attention_types", layers);
        if (types is not null && (types.Count != layers || types.Any(type => type is not ("global" or "local"))))
        {
            values.Report($"attention_types does not say 'global' or 'local' of each of the {layers} blocks");
            types = null;
        }

        return [.. Enumerable.Range(0, layers).Select(layer => types is null ? layer % 2 == 1 : types[layer] == "local")];
    }
}
