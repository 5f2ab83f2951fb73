using Lora.Checkpoints;
using Lora.Data;
using Lora.Native;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>A transformer over the patches of an image, with a layer for labels on its first place (ViT, arXiv 2010.11929).</summary>
internal sealed record VisionShape : TaskShape
{
    public required int ImageSize { get; init; }

    public required int PatchSize { get; init; }

    public required int Channels { get; init; }

    public required int Layers { get; init; }

    public required EncoderBlockShape Block { get; init; }

    public required NormShape FinalNorm { get; init; }

    public required ClassHeadShape Head { get; init; }

    /// <inheritdoc/>
    public override string ModelType => "vit";

    /// <inheritdoc/>
    public override FamilyNames Names => Vit.Names;

    /// <inheritdoc/>
    public override IReadOnlyList<(string Prefix, int Count)> BlockLists => [("vit.encoder.layer.", Layers)];

    /// <inheritdoc/>
    public override IReadOnlyList<HeadModule> Heads => Head.Modules;

    /// <summary>Patches of an image, and the place of the class.</summary>
    public int Places => ((ImageSize / PatchSize) * (ImageSize / PatchSize)) + 1;

    /// <inheritdoc/>
    public override VisionModel Build(IWeightSource source, Device device) => new(this, source, device);
}

/// <summary>Pixels [batch, channels, height, width] to labels [batch, labels]. Images come as tensors: rows have none.</summary>
internal sealed class VisionModel : TaskModel
{
    private readonly VisionShape shape;
    private readonly VisionEmbeddings embeddings;
    private readonly ModuleList<EncoderBlock> blocks;
    private readonly nn.Module<Tensor, Tensor> norm;
    private readonly TaskHead head;

    public VisionModel(VisionShape shape, IWeightSource source, Device device)
        : base(nameof(VisionModel), device)
    {
        this.shape = shape;
        Weights root = new(source, "", Buffer);
        Weights body = root.At("vit");
        embeddings = new(shape, body.At("embeddings"));
        blocks = new([.. Enumerable.Range(0, shape.Layers).Select(layer => new EncoderBlock(shape.Block, body.At($"encoder.layer.{layer}")))]);
        norm = body.Norm(shape.FinalNorm);
        DottedModule.Register(this, "vit.embeddings", embeddings);
        DottedModule.Register(this, "vit.encoder.layer", blocks);
        DottedModule.Register(this, $"vit.{shape.FinalNorm.Name}", norm);
        head = shape.Head.Build(root, embeddings.Positions);
        head.Register(this);
    }

    /// <inheritdoc/>
    public override string ModelType => shape.ModelType;

    /// <inheritdoc/>
    public override int VocabularySize => shape.VocabularySize;

    /// <inheritdoc/>
    public override TaskKind Task => TaskKind.SequenceClassification;

    /// <summary>None: a batch has tokens, and no pixels.</summary>
    public override Tensor Hidden(Batch batch, RouterBalance? balance = null) => throw new NotSupportedException("Images come as tensors.");

    /// <inheritdoc/>
    public override Tensor Head(Tensor hidden) => head.Predict(hidden);

    /// <summary>Labels [batch, labels] of pixels [batch, channels, height, width].</summary>
    public override Tensor forward(Tensor input)
    {
        Tensor hidden = embeddings.call(input); // [batch, places, hidden]
        foreach (EncoderBlock block in blocks)
        {
            hidden = block.call(hidden, null); // [batch, places, hidden]
        }

        return Head(norm.call(hidden).select(1, 0)); // of [batch, hidden]
    }
}

/// <summary>[class; patches] + positions.</summary>
internal sealed class VisionEmbeddings : nn.Module<Tensor, Tensor>
{
    private readonly Parameter cls_token;
    private readonly Parameter position_embeddings;
    private readonly Conv2d projection;

    public VisionEmbeddings(VisionShape shape, Weights weights)
        : base(nameof(VisionEmbeddings))
    {
        int hidden = shape.Block.HiddenSize;
        cls_token = weights.Frozen(nameof(cls_token), 1, 1, hidden);
        position_embeddings = weights.Frozen(nameof(position_embeddings), 1, shape.Places, hidden);
        projection = nn.Conv2d(shape.Channels, hidden, shape.PatchSize, stride: shape.PatchSize, device: META);
        Weights patches = weights.At("patch_embeddings.projection");
        projection.weight = patches.Frozen("weight", hidden, shape.Channels, shape.PatchSize, shape.PatchSize);
        projection.bias = patches.Frozen("bias", hidden);
        register_parameter(nameof(cls_token), cls_token);
        register_parameter(nameof(position_embeddings), position_embeddings);
        DottedModule.Register(this, "patch_embeddings.projection", projection);
    }

    /// <summary>The table of positions, [1, places, hidden].</summary>
    public Parameter Positions => position_embeddings;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Tensor patches = projection.call(input).flatten(2).transpose(1, 2); // [batch, patches, hidden], row after row
        Tensor first = cls_token.expand(input.shape[0], 1, patches.shape[2]); // [batch, 1, hidden]
        return cat([first, patches], 1).Plus(position_embeddings); // [batch, places, hidden]
    }

    /// <summary>The children have the checkpoint's names.</summary>
    protected override void RegisterComponents()
    {
    }
}
