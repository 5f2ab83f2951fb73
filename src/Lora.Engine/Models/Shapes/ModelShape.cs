using Lora.Checkpoints;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// A language model as config.json describes it, every default resolved: parts that are put together, and the names that they have in a checkpoint.
/// A family (<see cref="ModelFamily"/>) makes it; modules, the fused step and the memory plan are made from it.
/// </summary>
internal sealed record ModelShape : TaskShape
{
    /// <summary>The family that it is of.</summary>
    public required ModelFamily Family { get; init; }

    public required int HiddenSize { get; init; }

    /// <summary>The dotted name of what the head stands on, for example <c>model</c> or <c>transformer</c>.</summary>
    public string Body { get; init; } = "model";

    /// <summary>The name of the list of blocks within the body.</summary>
    public string BlockList { get; init; } = "layers";

    public EmbeddingShape Embedding { get; init; } = new();

    /// <summary>The blocks in their order. Those that are alike are equal.</summary>
    public required IReadOnlyList<BlockShape> Blocks { get; init; }

    /// <summary>The norm after the last block, named within the body; null for none.</summary>
    public NormShape? FinalNorm { get; init; }

    public HeadShape Head { get; init; } = new();

    /// <summary>What the loss of routers (<see cref="RouterBalance"/>) is multiplied by in training; null where the model has none.</summary>
    public double? RouterLoss { get; init; }

    /// <inheritdoc/>
    public override string ModelType => Family.ModelType;

    /// <inheritdoc/>
    public override FamilyNames Names => Family.Names;

    /// <inheritdoc/>
    public override IReadOnlyList<(string Prefix, int Count)> BlockLists => [(BlockPrefix, Blocks.Count)];

    /// <summary>What stands before a block's number in names, with its dot: <c>model.layers.</c></summary>
    public string BlockPrefix => $"{Body}.{BlockList}.";

    /// <summary>The table of the tokens: <c>model.embed_tokens.weight</c>.</summary>
    public string EmbeddingWeight => $"{Body}.{Embedding.Name}.weight";

    /// <summary>The shape with another vocabulary, if there is one.</summary>
    public ModelShape With(ResizedVocabulary? vocabulary) => vocabulary is null ? this : this with { VocabularySize = vocabulary.Size };

    /// <inheritdoc/>
    public override TaskModel Build(IWeightSource source, Device device) => new CausalLanguageModel(this, source, device);
}

/// <summary>How token ids become the input of the first block.</summary>
internal sealed record EmbeddingShape
{
    /// <summary>The table's name within the body.</summary>
    public string Name { get; init; } = "embed_tokens";

    /// <summary>What rows are multiplied by; null for nothing.</summary>
    public double? Scale { get; init; }

    /// <summary>Whether the scale is rounded to the activations' dtype first (Gemma).</summary>
    public bool RoundsScale { get; init; }
}

/// <summary>How hidden states become logits.</summary>
internal sealed record HeadShape
{
    /// <summary>The dotted name of the layer.</summary>
    public string Name { get; init; } = "lm_head";

    /// <summary>Whether it shares the embedding's table when the checkpoint has no weight of its own for it.</summary>
    public bool IsTied { get; init; }

    /// <summary>What logits are multiplied by (Granite, Cohere).</summary>
    public double Scale { get; init; } = 1;

    /// <summary>The soft cap of logits, or null.</summary>
    public double? Cap { get; init; }

    /// <summary>The weight's name.</summary>
    public string Weight => Name + ".weight";
}
