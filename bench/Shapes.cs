using Lora.Models;

namespace Lora.Bench;

/// <summary>Shapes of published models, with as many blocks as a benchmark has time for.</summary>
internal static class Shapes
{
    /// <summary>SmolLM-135M; it has 30 blocks.</summary>
    public static DecoderConfig SmolLM(int layers) => new()
    {
        ModelType = "llama",
        VocabularySize = 49152,
        HiddenSize = 576,
        IntermediateSize = 1536,
        Layers = layers,
        Heads = 9,
        KeyValueHeads = 3,
        HeadDimension = 64,
        NormEpsilon = 1e-5,
        Rope = new(10000),
        TiedEmbeddings = true,
        SlidingWindows = new int?[layers],
    };

    /// <summary>Two blocks whose products are so small that what is around them shows.</summary>
    public static DecoderConfig Tiny() =>
        SmolLM(2) with { VocabularySize = 4096, HiddenSize = 192, IntermediateSize = 512, Heads = 3, KeyValueHeads = 1 };

    /// <summary>Llama-3.2-1B; it has 16 blocks.</summary>
    public static DecoderConfig Llama1B(int layers) => new()
    {
        ModelType = "llama",
        VocabularySize = 128256,
        HiddenSize = 2048,
        IntermediateSize = 8192,
        Layers = layers,
        Heads = 32,
        KeyValueHeads = 8,
        HeadDimension = 64,
        NormEpsilon = 1e-5,
        Rope = new(500000),
        TiedEmbeddings = true,
        SlidingWindows = new int?[layers],
    };
}
