using Lora.Kernels;

namespace Lora.Models;

/// <summary>The shape of a decoder-only language model, with every default resolved. Read by <see cref="DecoderConfigReader"/>.</summary>
internal sealed record DecoderConfig
{
    public required string ModelType { get; init; }

    public required int VocabularySize { get; init; }

    /// <summary>The tokens of the longest sequence that the model was made for (max_position_embeddings); null where the file does not say.</summary>
    public int? Positions { get; init; }

    public required int HiddenSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    public required int KeyValueHeads { get; init; }

    public required int HeadDimension { get; init; }

    public required double NormEpsilon { get; init; }

    public required RopeParameters Rope { get; init; }

    /// <summary>Biases on q_proj, k_proj and v_proj.</summary>
    public bool QueryKeyValueBias { get; init; }

    /// <summary>A bias on o_proj.</summary>
    public bool OutputBias { get; init; }

    /// <summary>Biases on gate_proj, up_proj and down_proj.</summary>
    public bool MlpBias { get; init; }

    /// <summary>RMSNorm over each head of q and k.</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>q, k and v are one layer, qkv_proj, and gate and up another, gate_up_proj; outputs lie in this order (Phi-3).</summary>
    public bool JoinsProjections { get; init; }

    /// <summary>What the MLP does to its gate.</summary>
    public GateActivation Activation { get; init; }

    /// <summary>Norms multiply by 1 + weight (Gemma).</summary>
    public bool NormsAddOne { get; init; }

    /// <summary>Embeddings are multiplied by the root of the hidden size (Gemma).</summary>
    public bool ScalesEmbedding { get; init; }

    /// <summary>What attention and MLP give is normalised too, before it is added (Gemma 2).</summary>
    public bool HasOutputNorms { get; init; }

    /// <summary>Scores are divided by the root of this; null for the head dimension.</summary>
    public double? QueryScalar { get; init; }

    /// <summary>The soft cap of scores, or null.</summary>
    public double? ScoreCap { get; init; }

    /// <summary>The soft cap of logits, or null.</summary>
    public double? LogitCap { get; init; }

    /// <summary>The head shares the embedding's weight when the checkpoint has none of its own.</summary>
    public bool TiedEmbeddings { get; init; }

    /// <summary>Per layer: how many keys a query sees, itself included; null for all.</summary>
    public required IReadOnlyList<int?> SlidingWindows { get; init; }

    /// <summary>The shape with another vocabulary, if there is one.</summary>
    public DecoderConfig With(ResizedVocabulary? vocabulary) => vocabulary is null ? this : this with { VocabularySize = vocabulary.Size };
}
