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

    /// <summary>A layer without bias after the last norm, from hidden states to the width of the embedding's rows; null for none.</summary>
    public string? OutputProjection { get; init; }

    public HeadShape Head { get; init; } = new();

    /// <summary>What the loss of routers (<see cref="RouterBalance"/>) is multiplied by in training; null where the model has none.</summary>
    public double? RouterLoss { get; init; }

    /// <inheritdoc/>
    public override string ModelType => Family.ModelType;

    /// <inheritdoc/>
    public override FamilyNames Names => Family.Names;

    /// <inheritdoc/>
    public override IReadOnlyList<(string Prefix, int Count)> BlockLists => [(BlockPrefix, Blocks.Count)];

    /// <summary>The rotations of its blocks, each once; none where nothing turns.</summary>
    public IEnumerable<RopeParameters> Rotations => Blocks.Select(block => block.SelfAttention.Rope).OfType<RopeParameters>().Distinct();

    /// <summary>What stands before a block's number in names, with its dot: <c>model.layers.</c></summary>
    public string BlockPrefix => $"{Body}.{BlockList}.";

    /// <summary>The table of the tokens: <c>model.embed_tokens.weight</c>.</summary>
    public string EmbeddingWeight => $"{Body}.{Embedding.Name}.weight";

    /// <summary>Values of an embedding's row, and of what the head takes.</summary>
    public int EmbeddingWidth => Embedding.Width ?? HiddenSize;

    /// <inheritdoc/>
    public override PositionShape? LearnedPositions => Embedding.Positions;

    /// <inheritdoc/>
    public override ModelShape With(ResizedVocabulary? vocabulary) => vocabulary is null ? this : this with { VocabularySize = vocabulary.Size };

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

    /// <summary>Values of a row; null for the hidden size.</summary>
    public int? Width { get; init; }

    /// <summary>A layer without bias from rows to hidden states; null for none.</summary>
    public string? Projection { get; init; }

    /// <summary>The table of learned positions; null for none.</summary>
    public PositionShape? Positions { get; init; }

    /// <summary>A norm of what the first block gets; null for none.</summary>
    public NormShape? Norm { get; init; }
}

/// <summary>A learned row for each position, which is added to the token's.</summary>
/// <param name="Name">The table's name within the body.</param>
/// <param name="Count">How many positions a sequence can have.</param>
/// <param name="Offset">Rows before that of the first position (OPT has two).</param>
internal sealed record PositionShape(string Name, int Count, int Offset = 0)
{
    /// <summary>Refuses a sequence that has more tokens.</summary>
    /// <param name="tokens">How many it has.</param>
    /// <param name="what">What says so many.</param>
    /// <exception cref="LoraException">ConfigValueInvalid.</exception>
    public void Check(long tokens, string what = "The number of tokens")
    {
        if (tokens > Count)
        {
            throw LoraException.Of(LoraError.ConfigValueInvalid, tokens, what, tokens, $"at most {Count}, as many as there are positions that the model has learned");
        }
    }
}

/// <summary>How hidden states become logits.</summary>
internal sealed record HeadShape
{
    /// <summary>The dotted name of the layer.</summary>
    public string Name { get; init; } = "lm_head";

    /// <summary>Whether it shares the embedding's table when the checkpoint has no weight of its own for it.</summary>
    public bool IsTied { get; init; }

    public bool Bias { get; init; }

    /// <summary>What logits are multiplied by (Granite, Cohere).</summary>
    public double Scale { get; init; } = 1;

    /// <summary>The soft cap of logits, or null.</summary>
    public double? Cap { get; init; }

    /// <summary>The weight's name.</summary>
    public string Weight => Name + ".weight";
}
