using Lora.Kernels;
using Lora.Models;

namespace Lora.Bench;

/// <summary>Shapes of published models, with as many blocks as a benchmark has time for.</summary>
internal static class Shapes
{
    // Of the rotation in blocks that see all tokens, which no other shape here has.
    private const double Gemma3Base = 1e6;

    /// <summary>SmolLM-135M; it has 30 blocks.</summary>
    public static DecoderSizes SmolLM(int layers) => new()
    {
        VocabularySize = 49152,
        HiddenSize = 576,
        IntermediateSize = 1536,
        Layers = layers,
        Heads = 9,
        KeyValueHeads = 3,
        HeadDimension = 64,
        NormEpsilon = 1e-5,
        Rope = new RopeParameters(10000),
        IsTied = true,
    };

    /// <summary>Two blocks whose products are so small that what is around them shows.</summary>
    public static DecoderSizes Tiny() =>
        SmolLM(2) with { VocabularySize = 4096, HiddenSize = 192, IntermediateSize = 512, Heads = 3, KeyValueHeads = 1 };

    /// <summary>Llama-3.2-1B; it has 16 blocks.</summary>
    public static DecoderSizes Llama1B(int layers) => new()
    {
        VocabularySize = 128256,
        HiddenSize = 2048,
        IntermediateSize = 8192,
        Layers = layers,
        Heads = 32,
        KeyValueHeads = 8,
        HeadDimension = 64,
        NormEpsilon = 1e-5,
        Rope = new RopeParameters(500000),
        IsTied = true,
    };

    /// <summary>Gemma 2 of 2B, whose scores and logits are capped; it has 26 blocks.</summary>
    public static DecoderSizes Gemma2(int layers) => new()
    {
        VocabularySize = 256000,
        HiddenSize = 2304,
        IntermediateSize = 9216,
        Layers = layers,
        Heads = 8,
        KeyValueHeads = 4,
        HeadDimension = 256,
        NormEpsilon = 1e-6,
        NormKind = NormKind.RootMeanSquareAddOne,
        Rope = new RopeParameters(10000),
        IsTied = true,
    };

    /// <summary>Gemma 3 of 270M but for its vocabulary of 262,144, whose head would be most of the work; it has 18 blocks, and every sixth sees all tokens.</summary>
    public static DecoderSizes Gemma3(int layers) => new()
    {
        VocabularySize = 16384,
        HiddenSize = 640,
        IntermediateSize = 2048,
        Layers = layers,
        Heads = 4,
        KeyValueHeads = 1,
        HeadDimension = 256,
        NormEpsilon = 1e-6,
        NormKind = NormKind.RootMeanSquareAddOne,
        Rope = new RopeParameters(Gemma3Base),
        IsTied = true,
    };

    /// <summary>Llama-3.1-8B; it has 32 blocks.</summary>
    public static DecoderSizes Llama8B(int layers) => new()
    {
        VocabularySize = 128256,
        HiddenSize = 4096,
        IntermediateSize = 14336,
        Layers = layers,
        Heads = 32,
        KeyValueHeads = 8,
        HeadDimension = 128,
        NormEpsilon = 1e-5,
        Rope = new RopeParameters(500000),
    };

    /// <summary>OLMoE-1B-7B but for its vocabulary, whose head would be most of the work of one block; it has 16 blocks and 50,304 tokens.</summary>
    public static DecoderSizes Olmoe(int layers) => new()
    {
        VocabularySize = 4096,
        HiddenSize = 2048,
        IntermediateSize = 1024,
        Layers = layers,
        Heads = 16,
        KeyValueHeads = 16,
        HeadDimension = 128,
        NormEpsilon = 1e-5,
        Rope = new RopeParameters(10000),
    };

    /// <summary>Experts of these sizes, of which each token goes through some.</summary>
    public static MixtureShape Mixture(DecoderSizes sizes, int experts, int chosen) =>
        new(new("gate", sizes.HiddenSize, experts, chosen), new SeparateExpertsShape(experts, sizes.GatedMlp()));

    /// <summary>A model of these sizes with Llama's blocks.</summary>
    public static ModelShape Model(DecoderSizes sizes) => Model(sizes, sizes.GatedMlp());

    /// <summary>A model of these sizes with Llama's blocks but for the MLP, or with those of Gemma 2 or 3 where norms and rotation are theirs.</summary>
    public static ModelShape Model(DecoderSizes sizes, MlpShape mlp)
    {
        if (sizes.NormKind != NormKind.RootMeanSquareAddOne)
        {
            return sizes.Model(new Llama(), _ => sizes.PreNorm(sizes.Attention(), mlp));
        }

        GatedMlpShape gated = (GatedMlpShape)mlp with { Activation = GateActivation.TanhGelu };
        EmbeddingShape embedding = new() { Scale = Math.Sqrt(sizes.HiddenSize), RoundsScale = true };
        if (sizes.Rope?.Theta == Gemma3Base)
        {
            AttentionShape normal = sizes.Attention() with { QueryNorm = sizes.HeadNorm("q_norm"), KeyNorm = sizes.HeadNorm("k_norm") };
            AttentionShape local = normal with { Window = 512, Rope = new RopeParameters(10000) };
            return sizes.Model(new Gemma3Text(), layer => Lora.Models.Gemma2.Block(sizes, layer % 6 == 5 ? normal : local, gated)) with { Embedding = embedding };
        }

        AttentionShape attention = sizes.Attention() with { ScoreCap = 50 };
        ModelShape model = sizes.Model(new Gemma2(), layer => Lora.Models.Gemma2.Block(sizes, attention with { Window = layer % 2 == 0 ? 4096 : null }, gated));
        return model with { Embedding = embedding, Head = model.Head with { Cap = 30 } };
    }
}
