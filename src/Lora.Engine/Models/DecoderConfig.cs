namespace Lora.Models;

/// <summary>The shape of a decoder-only language model, with every default resolved. Read by <see cref="DecoderConfigReader"/>.</summary>
internal sealed record DecoderConfig
{
    public required string ModelType { get; init; }

    public required int VocabularySize { get; init; }

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

    /// <summary>The head shares the embedding's weight when the checkpoint has none of its own.</summary>
    public bool TiedEmbeddings { get; init; }

    /// <summary>Per layer: how many keys a query sees, itself included; null for all.</summary>
    public required IReadOnlyList<int?> SlidingWindows { get; init; }
}
