using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>Mixtral (arXiv 2401.04088).</summary>
/// <remarks>
/// Mistral's block with experts in place of the MLP, under block_sparse_moe; a window of tokens only where sliding_window is a number.
/// 8 experts of intermediate_size, of which a token goes through 2; in experts.N w1 is the gate, w3 what it multiplies, w2 the way back.
/// The router block_sparse_moe.gate has no bias; the parts of the chosen experts always add up to one.
/// Eight key/value heads, rope_theta 1,000,000 and an epsilon of 1e-5 where the keys are missing.
/// router_jitter_noise, noise on the routers' inputs in training, is not computed.
/// Untied.
/// </remarks>
internal sealed class Mixtral : ModelFamily
{
    private static readonly IReadOnlyList<string> GateUp = ["w1", "w3"];

    /// <inheritdoc/>
    public override string ModelType => "mixtral";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false) { DefaultTargets = ["q_proj", "v_proj"] };

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this, keyValueHeads: 8, epsilon: 1e-5, theta: 1_000_000);
        SlidingWindows windows = new(values);
        if (values.Number("router_jitter_noise", 0) is not 0)
        {
            values.ReportUnsupported("router_jitter_noise is not 0; routers see their inputs without noise");
        }

        GatedMlpShape expert = sizes.GatedMlp() with { GateUp = GateUp, Down = "w2", Activation = GateReader.ReadSilu(values) };
        RouterShape router = RouterReader.Read(values, sizes.HiddenSize, experts: 8, chosen: 2);
        MixtureShape mixture = new(router, new SeparateExpertsShape(router.Experts, expert)) { Name = "block_sparse_moe" };
        ModelShape model = sizes.Model(this, layer => sizes.PreNorm(sizes.Attention() with { Window = windows.Of(layer, slides: true) }, mixture));
        return model with { RouterLoss = RouterReader.ReadLoss(values) };
    }
}
