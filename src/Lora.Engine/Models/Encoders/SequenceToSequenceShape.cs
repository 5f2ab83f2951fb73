using Lora.Checkpoints;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>An encoder that reads a prompt, and a decoder that says its completion (T5, arXiv 1910.10683).</summary>
internal sealed record SequenceToSequenceShape : TaskShape
{
    public required EncoderFamily Family { get; init; }

    public required StackShape Encoder { get; init; }

    public required StackShape Decoder { get; init; }

    /// <summary>Whether the head is the table of tokens, of hidden states times 1 / sqrt(hidden size), where the checkpoint has none of its own.</summary>
    public bool IsTied { get; init; }

    /// <summary>Whether hidden states are scaled before the head.</summary>
    public bool ScalesHead { get; init; }

    /// <summary>The token that a decoder begins with.</summary>
    public required int StartId { get; init; }

    /// <summary>The token that stands where nothing is said.</summary>
    public required int PaddingId { get; init; }

    /// <summary>The token that ends a completion.</summary>
    public required int EndId { get; init; }

    /// <inheritdoc/>
    public override string ModelType => Family.ModelType;

    /// <inheritdoc/>
    public override FamilyNames Names => Family.Names;

    /// <inheritdoc/>
    public override IReadOnlyList<(string Prefix, int Count)> BlockLists => [("encoder.block.", Encoder.Layers), ("decoder.block.", Decoder.Layers)];

    /// <inheritdoc/>
    public override TaskModel Build(IWeightSource source, Device device) => new SequenceToSequenceModel(this, source, device);
}

/// <summary>One of the two stacks of blocks.</summary>
internal sealed record StackShape
{
    public required int HiddenSize { get; init; }

    public required int Heads { get; init; }

    public required int HeadSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required int Layers { get; init; }

    public required double Epsilon { get; init; }

    /// <summary>Whether a token sees those before it alone, and the encoder's.</summary>
    public bool IsDecoder { get; init; }

    /// <summary>Whether the MLP has a gate.</summary>
    public bool IsGated { get; init; }

    public required string Activation { get; init; }

    /// <summary>Rows of the table of relative positions.</summary>
    public required int Buckets { get; init; }

    /// <summary>The distance from which on all are one.</summary>
    public required int MaxDistance { get; init; }

    /// <summary>A norm of hidden states.</summary>
    public NormShape Norm(string name) => new(name, HiddenSize, Epsilon);
}
