using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>GPT-J (EleutherAI).</summary>
/// <remarks>
/// Attention and MLP see the same LayerNorm of the block's input and are added together.
/// The first rotary_dim (64) values of each head are rotated, neighbours in pairs.
/// No biases on q, k, v and out_proj; both layers of the MLP and the head have one.
/// A plain MLP, four times as wide unless n_inner says otherwise, with GELU's tanh form.
/// Keys of config.json have GPT-2's names. Untied by default.
/// </remarks>
internal sealed class GptJ : ModelFamily
{
    /// <inheritdoc/>
    public override string ModelType => "gptj";

    /// <inheritdoc/>
    public override FamilyNames Names { get; } = new("transformer", "lm_head", TiedByDefault: false) { DefaultTargets = ["q_proj", "v_proj"] };

    /// <inheritdoc/>
    public override ModelShape Read(ConfigValues values)
    {
        values = values.Named(Gpt2.Keys);
        DecoderSizes sizes = DecoderSizes.Read(values, this, epsilon: 1e-5, rotatedPart: 0, widening: 4, hasHeadKeys: false) with { NormKind = NormKind.Layer };
        AttentionShape attention = sizes.Attention() with { Name = "attn", Output = "out_proj", Rope = ReadRotation(values, sizes.HeadDimension) };
        PlainMlpShape mlp = sizes.PlainMlp("fc_in", "fc_out", Activations.Read(values, "activation_function", "gelu_new"));
        ParallelShape block = new(sizes.Norm("ln_1"), attention, MlpNorm: null, mlp);
        return sizes.Model(this, _ => block) with
        {
            Body = "transformer",
            BlockList = "h",
            Embedding = new() { Name = "wte" },
            FinalNorm = sizes.Norm("ln_f"),
            Head = new() { IsTied = sizes.IsTied, Bias = true },
        };
    }

    private static RopeParameters ReadRotation(ConfigValues values, int headDimension)
    {
        // null would rotate as many values as the hidden size has, which no head has.
        int rotated = values.Has("rotary_dim") ? values.Count("rotary_dim") : 64;
        if (rotated % 2 != 0 || rotated > headDimension)
        {
            values.Report($"rotary_dim is {rotated}; expected is an even number up to the head size, {headDimension}");
        }

        // RotatedValues takes the whole part of a product, which a quotient that was rounded down would make one less.
        double part = (double)rotated / headDimension;
        return new(Theta: 10000) { IsInterleaved = true, RotatedPart = (int)(part * headDimension) < rotated ? Math.BitIncrement(part) : part };
    }
}
