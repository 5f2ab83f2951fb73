using System.Text.Json;
using Lora.Kernels;
using Lora.Models;

namespace Lora.Bench;

/// <summary>Shapes of published models, with as many blocks as a benchmark has time for.</summary>
internal static class Shapes
{
    private static readonly DecoderSizes SmolLMSizes = new()
    {
        VocabularySize = 49152,
        HiddenSize = 576,
        IntermediateSize = 1536,
        Layers = 30,
        Heads = 9,
        KeyValueHeads = 3,
        HeadDimension = 64,
        NormEpsilon = 1e-5,
        Rope = new RopeParameters(10000),
        IsTied = true,
    };

    private static readonly DecoderSizes Gemma2Sizes = new()
    {
        VocabularySize = 256000,
        HiddenSize = 2304,
        IntermediateSize = 9216,
        Layers = 26,
        Heads = 8,
        KeyValueHeads = 4,
        HeadDimension = 256,
        NormEpsilon = 1e-6,
        NormKind = NormKind.RootMeanSquareAddOne,
        Rope = new RopeParameters(10000),
        IsTied = true,
    };

    /// <summary>SmolLM-135M; it has 30 blocks.</summary>
    public static ModelShape SmolLM(int layers) => OfLlama(SmolLMSizes with { Layers = layers });

    /// <summary>Two blocks whose products are so small that what is around them shows.</summary>
    public static ModelShape Tiny() =>
        OfLlama(SmolLMSizes with { Layers = 2, VocabularySize = 4096, HiddenSize = 192, IntermediateSize = 512, Heads = 3, KeyValueHeads = 1 });

    /// <summary>Llama-3.2-1B; it has 16 blocks.</summary>
    public static ModelShape Llama1B(int layers) => OfLlama(new()
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
    });

    /// <summary>Pythia-1.4B, a GPT-NeoX: norms by mean and variance, attention and a plain MLP side by side; it has 24 blocks.</summary>
    public static ModelShape Pythia(int layers)
    {
        using JsonDocument config = JsonDocument.Parse($$"""
            {
              "model_type": "gpt_neox", "vocab_size": 50304, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": {{layers}}, "num_attention_heads": 16,
              "max_position_embeddings": 2048, "rotary_pct": 0.25, "layer_norm_eps": 1e-5, "tie_word_embeddings": false
            }
            """);
        return ModelConfigReader.Read(new ConfigValues("config.json", config.RootElement), hasVocabularyHead: true);
    }

    /// <summary>Llama-3.1-8B; it has 32 blocks.</summary>
    public static ModelShape Llama8B(int layers) => OfLlama(new()
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
    });

    /// <summary>Gemma 2 of 2B, whose scores and logits are capped; it has 26 blocks.</summary>
    public static ModelShape Gemma2(int layers) => OfGemma2(Gemma2Sizes with { Layers = layers });

    /// <summary>Two small blocks of the same kind.</summary>
    public static ModelShape TinyGemma2() =>
        OfGemma2(Gemma2Sizes with { Layers = 2, VocabularySize = 512, HiddenSize = 96, IntermediateSize = 160, Heads = 4, KeyValueHeads = 2, HeadDimension = 24 });

    /// <summary>Gemma 3 of 270M but for its vocabulary of 262,144, whose head would be most of the work; it has 18 blocks, and every sixth sees all tokens.</summary>
    public static ModelShape Gemma3(int layers)
    {
        DecoderSizes sizes = new()
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
            Rope = new RopeParameters(1e6),
            IsTied = true,
        };
        AttentionShape all = sizes.Attention() with { QueryNorm = sizes.HeadNorm("q_norm"), KeyNorm = sizes.HeadNorm("k_norm") };
        AttentionShape local = all with { Window = 512, Rope = new RopeParameters(10000) };
        return sizes.Model(new Gemma3Text(), layer => Lora.Models.Gemma2.Block(sizes, layer % 6 == 5 ? all : local, GemmaMlp(sizes))) with { Embedding = GemmaEmbedding(sizes) };
    }

    /// <summary>OLMoE-1B-7B but for its vocabulary, whose head would be most of the work of one block; 64 experts of which a token goes through 8, 16 blocks, and 50,304 tokens.</summary>
    public static ModelShape Olmoe(int layers)
    {
        DecoderSizes sizes = new()
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
        MixtureShape mixture = new(new("gate", sizes.HiddenSize, Experts: 64, Chosen: 8), new SeparateExpertsShape(64, sizes.GatedMlp()));
        return sizes.Model(new Llama(), _ => sizes.PreNorm(sizes.Attention(), mixture));
    }

    private static ModelShape OfLlama(DecoderSizes sizes) => sizes.Model(new Llama(), _ => sizes.PreNorm(sizes.Attention(), sizes.GatedMlp()));

    private static ModelShape OfGemma2(DecoderSizes sizes)
    {
        AttentionShape attention = sizes.Attention() with { ScoreCap = 50 };
        ModelShape model = sizes.Model(new Gemma2(), layer => Lora.Models.Gemma2.Block(sizes, attention with { Window = layer % 2 == 0 ? 4096 : null }, GemmaMlp(sizes)));
        return model with { Embedding = GemmaEmbedding(sizes), Head = model.Head with { Cap = 30 } };
    }

    private static GatedMlpShape GemmaMlp(DecoderSizes sizes) => sizes.GatedMlp() with { Activation = GateActivation.TanhGelu };

    private static EmbeddingShape GemmaEmbedding(DecoderSizes sizes) => new() { Scale = Math.Sqrt(sizes.HiddenSize), RoundsScale = true };
}
