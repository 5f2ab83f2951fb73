using Lora.Checkpoints;
using Lora.Data;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The body of a decoder with a layer for labels in place of the head over the vocabulary (transformers' ...ForSequenceClassification).</summary>
/// <param name="Decoder">The decoder.</param>
/// <param name="Head">The layer: <c>score</c> without a bias, which the last token meets, or the layer of tokens (<see cref="FamilyNames.TokenClassifier"/>).</param>
internal sealed record ClassifierShape(ModelShape Decoder, ClassHeadShape Head) : TaskShape
{
    /// <inheritdoc/>
    public override string ModelType => Decoder.ModelType;

    /// <inheritdoc/>
    public override FamilyNames Names => Decoder.Names;

    /// <inheritdoc/>
    public override IReadOnlyList<(string Prefix, int Count)> BlockLists => Decoder.BlockLists;

    /// <inheritdoc/>
    public override IReadOnlyList<HeadModule> Heads => Head.Modules;

    /// <inheritdoc/>
    public override PositionShape? LearnedPositions => Decoder.LearnedPositions;

    /// <inheritdoc/>
    public override TaskShape With(ResizedVocabulary? vocabulary) => vocabulary is null ? this : this with { VocabularySize = vocabulary.Size, Decoder = Decoder.With(vocabulary) };

    /// <inheritdoc/>
    public override TaskModel Build(IWeightSource source, Device device) => new DecoderClassifier(this, source, device);
}

/// <summary>Hidden states of a decoder, and labels of them.</summary>
internal sealed class DecoderClassifier : TaskModel
{
    private readonly ClassifierShape shape;
    private readonly DecoderModel body;
    private readonly TaskHead head;

    public DecoderClassifier(ClassifierShape shape, IWeightSource source, Device device)
        : base(nameof(DecoderClassifier), device)
    {
        this.shape = shape;
        Weights root = new(source, "", Buffer);
        body = new(shape.Decoder, root.At(shape.Decoder.Body));
        DottedModule.Register(this, shape.Decoder.Body, body);
        head = shape.Head.Build(root, body.Embedding.Weight);
        head.Register(this);
    }

    /// <inheritdoc/>
    public override string ModelType => shape.ModelType;

    /// <inheritdoc/>
    public override int VocabularySize => shape.VocabularySize;

    /// <inheritdoc/>
    public override TaskKind Task => shape.Task.Kind;

    /// <inheritdoc/>
    public override double? RouterLoss => shape.Decoder.RouterLoss;

    /// <inheritdoc/>
    public override Tensor Hidden(Batch batch, RouterBalance? balance = null) => body.call(DeviceIndex.Of(batch.InputIds, [batch.Rows, batch.Length], Device), balance); // [batch, tokens, hidden]

    /// <inheritdoc/>
    public override Tensor Head(Tensor hidden) => head.Predict(hidden);

    /// <summary>Predictions [batch, tokens, labels] of ids [batch, tokens].</summary>
    public override Tensor forward(Tensor input) => Head(body.call(input, null));
}
