using Lora.Kernels;

namespace Lora.Models;

/// <summary>
/// What a <c>model_type</c> adds to the common decoder block, and the values that its config.json may leave out.
/// Source: the configuration classes of transformers 4.51 and 5.3.
/// </summary>
internal sealed record DecoderFamily(string ModelType)
{
    /// <summary>Key/value heads when the key is missing; null means as many as query heads.</summary>
    public int? KeyValueHeads { get; init; }

    /// <summary>Head size when the key is missing; null means hidden size / heads.</summary>
    public int? HeadDimension { get; init; }

    /// <summary>What norms add to the mean of the squares when the key is missing.</summary>
    public double NormEpsilon { get; init; } = 1e-6;

    /// <summary>Biases on q, k and v whatever the configuration says (Qwen2).</summary>
    public bool QueryKeyValueBias { get; init; }

    /// <summary>Whether <c>attention_bias</c> and <c>mlp_bias</c> are configuration keys of the family.</summary>
    public bool ReadsAttentionBias { get; init; }

    /// <summary>Whether <c>mlp_bias</c> is a configuration key of the family.</summary>
    public bool ReadsMlpBias { get; init; }

    /// <summary>RMSNorm over each head of q and k before the rotation (Qwen3).</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>Window size of every layer when the key is missing (Mistral); null means full attention.</summary>
    public int? SlidingWindow { get; init; }

    /// <summary>Whether <c>sliding_window</c> holds only with <c>use_sliding_window</c> and from <c>max_window_layers</c> on (Qwen).</summary>
    public bool WindowIsOptIn { get; init; }

    /// <summary>Whether every second layer, from the first on, has the window (Gemma 2).</summary>
    public bool EverySecondSlides { get; init; }

    /// <summary>Whether the scaling of the rotation may be longrope, and no other (Phi-3).</summary>
    public bool HasLongRope { get; init; }

    /// <inheritdoc cref="DecoderConfig.JoinsProjections"/>
    public bool JoinsProjections { get; init; }

    /// <inheritdoc cref="DecoderConfig.Activation"/>
    public GateActivation Activation { get; init; }

    /// <inheritdoc cref="DecoderConfig.NormsAddOne"/>
    public bool NormsAddOne { get; init; }

    /// <inheritdoc cref="DecoderConfig.ScalesEmbedding"/>
    public bool ScalesEmbedding { get; init; }

    /// <inheritdoc cref="DecoderConfig.HasOutputNorms"/>
    public bool HasOutputNorms { get; init; }

    /// <summary><see cref="DecoderConfig.QueryScalar"/> when the key is missing; null where there is no such key.</summary>
    public double? QueryScalar { get; init; }

    /// <summary><see cref="DecoderConfig.ScoreCap"/> when the key is missing; null where there is no such key.</summary>
    public double? ScoreCap { get; init; }

    /// <summary><see cref="DecoderConfig.LogitCap"/> when the key is missing; null where there is no such key.</summary>
    public double? LogitCap { get; init; }

    /// <summary>The families that share the decoder block, by <c>model_type</c>. SmolLM, SmolLM2 and TinyLlama are <c>llama</c>.</summary>
    public static IReadOnlyDictionary<string, DecoderFamily> Known { get; } = new DecoderFamily[]
    {
        new("llama") { ReadsAttentionBias = true, ReadsMlpBias = true },
        new("mistral") { KeyValueHeads = 8, SlidingWindow = 4096 },
        new("phi3") { NormEpsilon = 1e-5, JoinsProjections = true, HasLongRope = true },
        new("gemma")
        {
            KeyValueHeads = 16,
            HeadDimension = 256,
            ReadsAttentionBias = true,
            Activation = GateActivation.TanhGelu,
            NormsAddOne = true,
            ScalesEmbedding = true,
        },
        new("gemma2")
        {
            KeyValueHeads = 4,
            HeadDimension = 256,
            ReadsAttentionBias = true,
            SlidingWindow = 4096,
            EverySecondSlides = true,
            Activation = GateActivation.TanhGelu,
            NormsAddOne = true,
            ScalesEmbedding = true,
            HasOutputNorms = true,
            QueryScalar = 256,
            ScoreCap = 50,
            LogitCap = 30,
        },
        new("qwen2") { KeyValueHeads = 32, QueryKeyValueBias = true, WindowIsOptIn = true },
        new("qwen3") { KeyValueHeads = 32, HeadDimension = 128, ReadsAttentionBias = true, QueryKeyNorm = true, WindowIsOptIn = true },
    }.ToDictionary(family => family.ModelType, StringComparer.Ordinal);
}
