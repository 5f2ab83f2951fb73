using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>gpt-oss (arXiv 2508.10925).</summary>
/// <remarks>
/// Llama's block with biases on q, k, v and o; head_dim is 64 and there are 8 key/value heads where the keys are missing.
/// Each head has a sink, one more score that takes part in its softmax and stands for no key.
/// Every second block, from the first on, sees sliding_window (128) tokens; layer_types says otherwise.
/// The rotation is YaRN's with rope_theta 150,000, a factor of 32 over 4,096 tokens, and a ramp whose ends need not be whole numbers (truncate false).
/// The router mlp.router has a bias; the weights of the chosen experts (4) add up to one.
/// Experts are stacks of one module, [experts, in, out], with biases; gate and up lie in turns, are clamped at 7, and give (up + 1) · gate σ(1.702 gate).
/// Released files hold the stacks in MXFP4. Untied; PEFT has no default targets.
/// </remarks>
internal sealed class GptOss : ModelFamily
{
    private const double UsualTheta = 150_000;

    /// <summary>The rotation where the file says nothing of it.</summary>
    private static readonly RopeParameters UsualRope = new(UsualTheta)
    {
        Scaling = RopeScaling.Yarn,
        Factor = 32,
        OriginalPositions = 4096,
        TruncatesRamp = false,
        AttentionFactor = RopeFrequencies.YarnFactor(32, null, null),
    };

    /// <inheritdoc/>
    public override string ModelType => "gpt_oss";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("model", "lm_head", TiedByDefault: false);

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        DecoderSizes sizes = DecoderSizes.Read(values, this, keyValueHeads: 8, headDimension: 64, epsilon: 1e-5, theta: UsualTheta);
        if (values.Object("rope_parameters") is null && values.Object("rope_scaling") is null)
        {
            sizes = sizes with { Rope = UsualRope };
        }

        SlidingWindows windows = new(values, size: 128);
        bool bias = values.Flag("attention_bias", otherwise: true);
        AttentionShape attention = sizes.Attention() with { Bias = bias, OutputBias = bias, HasSinks = true };
        RouterShape router = RouterReader.Read(values, sizes.HiddenSize, experts: 128, chosen: 4, name: "router") with { Bias = true };
        MixtureShape mixture = new(router, new StackedExpertsShape(router.Experts, sizes.HiddenSize, sizes.IntermediateSize)
        {
            HasInputsFirst = true,
            Bias = true,
            Clamp = new(values.Number("swiglu_limit", 7), values.Number("swiglu_alpha", 1.702)),
        });
        ModelShape model = sizes.Model(this, layer => sizes.PreNorm(attention with { Window = windows.Of(layer, slides: layer % 2 == 0) }, mixture));
        return model with { RouterLoss = RouterReader.ReadLoss(values) };
    }
}
