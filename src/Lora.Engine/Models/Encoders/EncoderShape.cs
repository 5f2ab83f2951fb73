using Lora.Checkpoints;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A model whose every token sees all others (BERT, arXiv 1810.04805), with the head of its task.</summary>
internal sealed record EncoderShape : TaskShape
{
    public required EncoderFamily Family { get; init; }

    public required EncoderEmbeddingShape Embedding { get; init; }

    public required EncoderBlockShape Block { get; init; }

    public required int Layers { get; init; }

    /// <summary>The dotted name of the blocks' list within the body: <c>encoder.layer</c>.</summary>
    public required string BlockList { get; init; }

    public required TaskHeadShape Head { get; init; }

    /// <inheritdoc/>
    public override string ModelType => Family.ModelType;

    /// <inheritdoc/>
    public override FamilyNames Names => Family.Names;

    /// <inheritdoc/>
    public override IReadOnlyList<(string Prefix, int Count)> BlockLists => [($"{Body}.{BlockList}.", Layers)];

    /// <inheritdoc/>
    public override IReadOnlyList<HeadModule> Heads => Head.Modules;

    /// <summary>The name of what the head stands on.</summary>
    public string Body => Names.BasePrefix;

    /// <inheritdoc/>
    public override PositionShape? LearnedPositions => Positions is int count ? new("position_embeddings", count) : null;

    /// <inheritdoc/>
    public override TaskShape With(ResizedVocabulary? vocabulary) => vocabulary is null ? this
        : this with { VocabularySize = vocabulary.Size, Head = Head is TokenHeadShape tokens ? tokens with { VocabularySize = vocabulary.Size } : Head };

    /// <inheritdoc/>
    public override TaskModel Build(IWeightSource source, Device device) => new EncoderModel(this, source, device);
}

/// <summary>How tokens become the input of the first block: the sum of tables' rows, and a norm.</summary>
internal sealed record EncoderEmbeddingShape
{
    public required int HiddenSize { get; init; }

    /// <summary>Rows of the table of positions.</summary>
    public required int Positions { get; init; }

    /// <summary>Rows of the table that tells the first text from the second; 0 where there is none.</summary>
    public int TokenTypes { get; init; }

    /// <summary>The padding token of models that count positions from the row after its own, and do not count it (RoBERTa); null of those that count from 0.</summary>
    public int? PaddingId { get; init; }

    public required NormShape Norm { get; init; }
}

/// <summary>A block: attention and an MLP, each with a norm.</summary>
internal sealed record EncoderBlockShape
{
    public required int HiddenSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required int Heads { get; init; }

    /// <summary>q, k and v.</summary>
    public required IReadOnlyList<string> Projections { get; init; }

    /// <summary>What joins the heads.</summary>
    public required string Output { get; init; }

    public required NormShape AttentionNorm { get; init; }

    public required string Up { get; init; }

    public required string Down { get; init; }

    public required NormShape MlpNorm { get; init; }

    public required string Activation { get; init; }

    /// <summary>Biases on q, k and v.</summary>
    public bool Bias { get; init; } = true;

    /// <summary>Whether norms stand before attention and MLP (ViT), and not after their sum with what went in.</summary>
    public bool NormsFirst { get; init; }
}
