using Lora.Data;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Embeddings, the blocks, and the head of the task.</summary>
internal sealed class EncoderModel : TaskModel
{
    private readonly EncoderShape shape;
    private readonly EncoderEmbeddings embeddings;
    private readonly ModuleList<EncoderBlock> blocks;
    private readonly TaskHead head;

    public EncoderModel(EncoderShape shape, IWeightSource source, Device device)
        : base(nameof(EncoderModel), device)
    {
        this.shape = shape;
        Weights root = new(source, "", Buffer);
        Weights body = root.At(shape.Body);
        embeddings = new(shape.Embedding, shape.VocabularySize, body.At("embeddings"));
        blocks = new([.. Enumerable.Range(0, shape.Layers).Select(layer => new EncoderBlock(shape.Block, body.At($"{shape.BlockList}.{layer}")))]);
        DottedModule.Register(this, $"{shape.Body}.embeddings", embeddings);
        DottedModule.Register(this, $"{shape.Body}.{shape.BlockList}", blocks);
        head = shape.Head.Build(root, embeddings.Table.Weight);
        head.Register(this);
    }

    /// <inheritdoc/>
    public override string ModelType => shape.ModelType;

    /// <inheritdoc/>
    public override int VocabularySize => shape.VocabularySize;

    /// <inheritdoc/>
    public override TaskKind Task => shape.Task.Kind;

    /// <inheritdoc/>
    protected override long SharedSize => head.SharedSize;

    /// <inheritdoc/>
    public override Tensor Hidden(Batch batch, RouterBalance? balance = null)
    {
        Tensor hidden = embeddings.Embed(batch.InputIds, batch.Rows, batch.TokenTypes, Device); // [batch, tokens, hidden]
        return Through(hidden, KeyMask.Of(batch.Lengths, batch.Length, hidden));
    }

    /// <inheritdoc/>
    public override Tensor Head(Tensor hidden) => head.Predict(hidden);

    /// <summary>Predictions [batch, tokens, labels] of ids [batch, tokens] of one text each, none of them padding.</summary>
    public override Tensor forward(Tensor input) => Head(Through(embeddings.Embed(input.cpu().data<long>().ToArray(), (int)input.shape[0], null, Device), null));

    private Tensor Through(Tensor hidden, Tensor? mask)
    {
        foreach (EncoderBlock block in blocks)
        {
            hidden = block.call(hidden, mask); // [batch, tokens, hidden]
        }

        return hidden;
    }
}
