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
    private readonly IReadOnlyList<RotaryEmbedding> rotations;
    private readonly double? embeddingScale;
    private readonly Tensor? positions; // [positions, hidden], those that a table has before the first left out
    private readonly IReadOnlyList<int?> windows;

    /// <param name="model">A model whose blocks are those of <see cref="FusedLayer"/>; its weights become slices.</param>
    public FusedDecoder(CausalLanguageModel model)
    {
        using IDisposable noGradient = no_grad();
        Shape = model.Shape;
        FusedBlock[] blocks = FusedBlock.In(Shape) ?? throw new NotSupportedException($"There is no fused step for {Shape.ModelType}.");
        rotations = NewRotations();
        HasLengthRotation = model.HasLengthRotation;
        windows = [.. blocks.Select(block => block.Attention.Window).Distinct()];
        ModuleWeights weights = new(model);
        Embedding = weights[Shape.EmbeddingWeight];
        embeddingScale = EmbeddingScale.Of(Shape.Embedding, Embedding.dtype);
        positions = Shape.LearnedPositions is PositionShape table ? weights[$"{Shape.Body}.{table.Name}.weight"].narrow(0, table.Offset, table.Count).DetachFromDisposeScope() : null;
        Layers = [.. blocks.Select((block, layer) => new FusedLayerWeights(weights, $"{Shape.BlockPrefix}{layer}.", block))];

        // Norms are float32 copies: kernels compute in it, and Gemma's 1 + weight is added once instead of in every pass.
        HeadFactor = Shape.Head.Scale / (Shape.Head.Cap ?? 1); // what the head is given is as much larger as its logits would be
        Norm = weights.NormWeight(Shape.Body + ".", Shape.FinalNorm!, (Embedding.dtype, Embedding.device), HeadFactor);
        Head = new(weights.Linear(Shape.Head.Name));
    }

    /// <summary>The shape.</summary>
    public ModelShape Shape { get; }

    /// <summary>[vocabulary, hidden].</summary>
    public Tensor Embedding { get; }

    /// <summary>The blocks.</summary>
    public IReadOnlyList<FusedLayerWeights> Layers { get; }

    /// <summary>What the last norm multiplies the head's input by beside its weight: the scale of the logits, and one by their cap, which comes before its tanh.</summary>
    public double HeadFactor { get; }

    /// <summary>The last norm with that factor, [hidden].</summary>
    public NormWeight Norm { get; }

    /// <summary>The head.</summary>
    public JoinedWeights Head { get; }

    /// <summary>Whether the rotation hangs on the length of a text.</summary>
    public bool HasLengthRotation { get; }

    /// <summary>The rotations of its blocks, by <see cref="FusedBlock.Rotation"/>, made anew; the caller owns them.</summary>
    public IReadOnlyList<RotaryEmbedding> NewRotations() => [.. Shape.Rotations.Select(rope => new RotaryEmbedding(rope, Shape.Blocks[0].SelfAttention.HeadDimension))];

    /// <summary>
    /// What the blocks share for these documents. Where the rotation hangs on the length, it is each document's own, so that what is learned of
    /// it, and kept of it, does not hang on its neighbours; transformers takes the longest row of a batch, which is the same for a batch of one.
    /// </summary>
    /// <param name="documents">The documents.</param>
    /// <param name="batch">Whose they are, where something is learned of them; null for documents alone.</param>
    /// <param name="before">Tokens that stand before each document and were computed already.</param>
    /// <param name="laid">Heads that blocks will ask for in rows of documents; those that are not named here bring their own numbers when they ask.</param>
    public StepContext Context(PackedDocuments documents, PackedBatch? batch = null, int before = 0, IEnumerable<AttentionHeads>? laid = null)
    {
        using DisposeScope scope = NewDisposeScope();
        int[] ends = [.. documents.Places.Select(place => place.Start), documents.Ids.Length];
        int[] lengths = [.. documents.Places.Select(place => before + place.Length)];
        long[] placed = before == 0 ? documents.Positions : [.. documents.Positions.Select(position => position + before)];
        Shape.LearnedPositions?.Check(lengths.Max());
        RowPlan[] plans = [.. (laid ?? []).DistinctBy(heads => (heads.Heads, heads.KeyValueHeads)).Select(heads => new RowPlan(documents.Places, windows, heads))];

        // All that the step asks of the host, by one copy.
        IReadOnlyList<Array>[] groups =
        [
            [documents.Ids, placed, ends, batch?.Supervised ?? [], batch?.Targets ?? []],
            .. plans.Select(plan => plan.Numbers),
            .. rotations.Select(rotation => rotation.Numbers(lengths)),
        ];
        Queue<Tensor> sent = new(DeviceIndex.Of([.. groups.SelectMany(group => group)], Embedding.device));
        Tensor[][] numbers = [.. groups.Select(group => group.Select(_ => sent.Dequeue()).ToArray())];
        Tensor[] tokens = numbers[0];
        DocumentPlaces places = new(documents.Places, tokens[2].MoveToOuterDisposeScope(), windows);
        foreach ((RowPlan plan, Tensor[] laidNumbers) in plans.Zip(numbers[1..]))
        {
            places.Lay(plan, laidNumbers, Embedding.dtype);
        }

        IEnumerable<Tensor> angles = rotations.Zip(numbers[(1 + plans.Length)..], (rotation, own) => rotation.Joined(lengths, tokens[1], own, Norm.Wide.dtype)); // each [tokens, 2 rotated]
        return new(
            places,
            [.. angles.Select(table => new RotationAngles(table.MoveToOuterDisposeScope()))],
            tokens[0].MoveToOuterDisposeScope(),
            tokens[3].MoveToOuterDisposeScope(),
            tokens[4].MoveToOuterDisposeScope())
        {
            Positions = positions is null ? null : tokens[1].MoveToOuterDisposeScope(),
        };
    }

    /// <summary>Writes the embeddings of a step's tokens as the first block takes them.</summary>
    /// <param name="step">The tokens, and where they stand.</param>
    /// <param name="x">[tokens, hidden]; written.</param>
    /// <param name="rows">Rows of ids, where they are not the table's own; null where they are.</param>
    public void Embed(StepContext step, Tensor x, Func<Tensor, Tensor>? rows = null)
    {
        Embed(step.Ids, x, rows);
        if (step.Positions is Tensor places)
        {
            using Tensor learned = positions!.index_select(0, places); // [tokens, hidden]
            x.Add(learned);
        }
    }

    /// <summary>The same of tokens alone, where no positions are learned.</summary>
    /// <param name="ids">[tokens].</param>
    /// <param name="x">[tokens, hidden]; written.</param>
    /// <param name="rows">Rows of ids, where they are not the table's own; null where they are.</param>
    public void Embed(Tensor ids, Tensor x, Func<Tensor, Tensor>? rows = null)
    {
        if (rows is null)
        {
            ResultInto.Rows(x, Embedding, ids);
        }
        else
        {
            x.copy_(rows(ids));
        }

        if (embeddingScale is double scale)
        {
            x.Multiply(scale);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        rotations.ToList().ForEach(rotation => rotation.Dispose());

        // The tables are the model's own and stay.
        positions?.Dispose();
        Layers.ToList().ForEach(layer => layer.Dispose());
        Norm.Dispose();
        Head.Dispose();
    }
}
