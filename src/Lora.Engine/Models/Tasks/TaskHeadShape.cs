using TorchSharp.Modules;

namespace Lora.Models;

/// <summary>What makes predictions of hidden states.</summary>
internal abstract record TaskHeadShape
{
    /// <summary>Its modules.</summary>
    public abstract IReadOnlyList<HeadModule> Modules { get; }

    /// <summary>Makes it.</summary>
    /// <param name="root">Weights by their whole names.</param>
    /// <param name="table">The table of tokens, [vocabulary, hidden].</param>
    public abstract TaskHead Build(Weights root, Parameter table);
}

/// <summary>A linear layer for the labels, and before it another with an activation where the model has one.</summary>
/// <param name="Output">The layer's dotted name.</param>
/// <param name="HiddenSize">Values of a hidden state.</param>
/// <param name="Labels">How many predictions it makes.</param>
internal sealed record ClassHeadShape(string Output, int HiddenSize, int Labels) : TaskHeadShape
{
    /// <summary>Whether the layer has a bias.</summary>
    public bool HasBias { get; init; } = true;

    /// <summary>The dotted name of the layer before; null for none.</summary>
    public string? Dense { get; init; }

    /// <summary>What follows that layer.</summary>
    public string Activation { get; init; } = "tanh";

    /// <inheritdoc/>
    public override IReadOnlyList<HeadModule> Modules =>
    [
        .. Dense is null ? Enumerable.Empty<HeadModule>() : [new(Dense, HiddenSize, HiddenSize, IsNew: true)],
        new(Output, HiddenSize, Labels, IsNew: true) { HasBias = HasBias },
    ];

    /// <inheritdoc/>
    public override TaskHead Build(Weights root, Parameter table) => new ClassHead(this, root);
}

/// <summary>Predicts tokens: a linear layer, an activation, a norm, and the table of tokens with a bias of its own.</summary>
/// <param name="Dense">The dotted name of the layer.</param>
/// <param name="Norm">The norm, with its dotted name.</param>
/// <param name="Decoder">The dotted name of the layer that shares the table.</param>
/// <param name="Bias">The dotted name of its bias.</param>
internal sealed record TokenHeadShape(string Dense, NormShape Norm, string Decoder, string Bias) : TaskHeadShape
{
    public required int HiddenSize { get; init; }

    public required int VocabularySize { get; init; }

    public required string Activation { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<HeadModule> Modules =>
    [
        new(Dense, HiddenSize, HiddenSize, IsNew: false), new(Norm.Name, HiddenSize, HiddenSize, IsNew: false) { IsLinear = false },
        new(Decoder, HiddenSize, VocabularySize, IsNew: false),
    ];

    /// <inheritdoc/>
    public override TaskHead Build(Weights root, Parameter table) => new TokenHead(this, root, table);
}
