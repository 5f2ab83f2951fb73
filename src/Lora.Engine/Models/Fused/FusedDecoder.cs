using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// The weights of a decoder as its fused step uses them: q, k and v as one matrix, gate and up as one, norms in float32. They replace the
/// modules' own weights, whose names become slices, so nothing is held twice.
/// </summary>
internal sealed class FusedDecoder : IDisposable
{
    private readonly RotaryEmbedding rotation;

    /// <param name="model">A model whose blocks are those of <see cref="FusedLayer"/>; its weights become slices.</param>
    public FusedDecoder(CausalLanguageModel model)
    {
        using IDisposable noGradient = no_grad();
        Shape = model.Shape;
        FusedBlock[] blocks = FusedBlock.In(Shape) ?? throw new NotSupportedException($"There is no fused step for {Shape.ModelType}.");
        rotation = NewRotation();
        ModuleWeights weights = new(model);
        Embedding = weights[Shape.EmbeddingWeight];
        Layers = [.. blocks.Select((block, layer) => new FusedLayerWeights(weights, $"{Shape.BlockPrefix}{layer}.", block))];

        // Norms are float32 copies: kernels compute in it, and Gemma's 1 + weight is added once instead of in every pass.
        Tensor norm = weights.Norm(Shape.Body + ".", Shape.FinalNorm!);
        if (Shape.Head.Scale != 1)
        {
            norm.Multiply(Shape.Head.Scale); // what the head is given is as much larger as its logits would be
        }

        Norm = NormWeight.Of(norm, Embedding.dtype);

        Head = new(weights.Linear(Shape.Head.Name));
    }

    /// <summary>The shape.</summary>
    public ModelShape Shape { get; }

    /// <summary>[vocabulary, hidden].</summary>
    public Tensor Embedding { get; }

    /// <summary>The blocks.</summary>
    public IReadOnlyList<FusedLayerWeights> Layers { get; }

    /// <summary>The last norm with the scale of the logits, [hidden].</summary>
    public NormWeight Norm { get; }

    /// <summary>The head.</summary>
    public JoinedWeights Head { get; }

    /// <summary>The rotation of its blocks, made anew; the caller owns it.</summary>
    public RotaryEmbedding NewRotation()
    {
        AttentionShape turned = Shape.Blocks.Select(block => block.SelfAttention).First(attention => attention.Rope is not null);
        return new(turned.Rope!, turned.HeadDimension);
    }

    /// <summary>
    /// What the blocks share for these documents. Where the rotation hangs on the length, it is each document's own, so that what is learned of
    /// it, and kept of it, does not hang on its neighbours; transformers takes the longest row of a batch, which is the same for a batch of one.
    /// </summary>
    public StepContext Context(PackedDocuments documents)
    {
        using DisposeScope scope = NewDisposeScope();
        (Device device, int[] lengths) = (Embedding.device, [.. documents.Places.Select(place => place.Length)]);
        int[] ends = [.. documents.Places.Select(place => place.Start), documents.Ids.Length];
        (Tensor cosine, Tensor sine) = rotation.PackedTables(lengths, device, Norm.Wide.dtype); // [tokens, rotated]

        // Once for all blocks: the first half's sign is what rotate_half gives it.
        sine.narrow(1, 0, sine.shape[1] / 2).neg_();
        return new(
            new(documents.Places, DeviceIndex.Of(ends, device).MoveToOuterDisposeScope()),
            new(cosine.MoveToOuterDisposeScope(), sine.MoveToOuterDisposeScope()));
    }

    /// <summary>The embeddings of ids, [tokens, hidden], as the first block takes them.</summary>
    public Tensor Embed(long[] ids)
    {
        using Tensor index = DeviceIndex.Of(ids, Embedding.device);
        Tensor x = Embedding.index_select(0, index); // [tokens, hidden]
        return EmbeddingScale.Of(Shape.Embedding, x.dtype) is double scale ? x.Multiply(scale) : x;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        rotation.Dispose();

        // The embedding is the model's own and stays.
        Layers.ToList().ForEach(layer => layer.Dispose());
        Norm.Dispose();
        Head.Dispose();
    }
}
