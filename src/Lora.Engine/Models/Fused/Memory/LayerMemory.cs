using Lora.Kernels;
using TorchSharp;

namespace Lora.Models;

/// <summary>
/// Bytes of one block's tensors, by the shapes that <see cref="FusedLayer"/> and <see cref="FusedAttention"/> give them. What is kept, and what a
/// pass makes and lets go, lies on stacks.
/// </summary>
internal sealed class LayerMemory
{
    private const int ScaleSize = sizeof(float);

    private readonly AttentionShape attention;
    private readonly LayerRanks ranks;
    private readonly bool hasHeadNorms;
    private readonly int elementSize;

    /// <param name="weights">The block's.</param>
    /// <param name="ranks">Ranks of what adapts it.</param>
    public LayerMemory(FusedLayerWeights weights, LayerRanks ranks)
    {
        this.ranks = ranks;
        attention = weights.Block.Attention;
        Intermediate = weights.Block.Mlp.IntermediateSize;
        hasHeadNorms = weights.QueryNorm is not null;
        elementSize = weights.Output.DataType.ElementSize();
    }

    private long Hidden => attention.HiddenSize;

    private long Queries => attention.QueryWidth;

    private long Keys => attention.KeyWidth;

    private long Intermediate { get; }

    /// <summary>What stays between the passes, the block's input included.</summary>
    public long Kept(Kept kept, StepShape shape) => kept switch
    {
        Models.Kept.Nothing => 0,
        Models.Kept.Input => Input(shape),
        Models.Kept.AllButProbabilities => Input(shape) + State(shape),
        _ => Input(shape) + State(shape) + Probabilities(shape),
    };

    /// <summary>What the forward pass makes and lets go.</summary>
    public long ForwardScratch(Kept kept, StepShape shape)
    {
        long perToken = (ranks.QueryKeyValue == 0 ? Hidden : 0) // inputs of products that nothing adapts
            + (ranks.Output == 0 ? Queries : 0)
            + (ranks.GateUp == 0 ? Hidden : 0)
            + (ranks.Down == 0 ? Intermediate : 0)
            + (hasHeadNorms ? Queries + Keys : Queries + (2 * Keys)) // the rotated heads, else q, k and v as one
            + (ranks.HasDropout ? Intermediate : 0); // the input of the last product, dropped
        long probabilities = kept == Models.Kept.All ? 0 : LargestTile(shape);
        return Bytes(shape, perToken) + probabilities + (kept >= Models.Kept.AllButProbabilities ? 0 : State(shape));
    }

    /// <summary>The most that the backward pass has at once of what it makes and lets go.</summary>
    public long BackwardScratch(Kept kept, StepShape shape)
    {
        // In the order of FusedLayer.Backward: whichever of the halves has more at once decides.
        long mlp = (2 * Intermediate) + Math.Max(Intermediate, Hidden); // gradients of gate and up, and before or behind them
        long qkv = Queries + (2 * Keys);
        long adapter = ranks.QueryKeyValue + ranks.Output + ranks.GateUp + ranks.Down + (ranks.HasDropout ? Intermediate : 0);
        long tile = (kept == Models.Kept.AllButProbabilities ? 2 : 1) * LargestTile(shape); // those of p and of its gradient
        long document = shape.Lengths.Max() * elementSize * ((2 * Keys) + Queries); // gradients of k and v, and of the values mixed

        // Either the products with their adapters, or attention within its largest document; they follow each other.
        return Math.Max(
            Bytes(shape, Math.Max(mlp, qkv + Math.Max(Queries, Hidden)) + adapter),
            Bytes(shape, qkv + Queries) + tile + document);
    }

    private long Input(StepShape shape) => Bytes(shape, Hidden);

    private long Bytes(StepShape shape, long perToken) => shape.Tokens * perToken * elementSize;

    private long State(StepShape shape)
    {
        long perToken = Queries + (2 * Keys) // of each document
            + (hasHeadNorms ? Queries + (2 * Keys) : 0) // q, k and v before their norms
            + Hidden + (2 * Intermediate) // the sum after attention; gate and up
            + (ranks.QueryKeyValue > 0 ? Hidden + ranks.QueryKeyValue : 0) // inputs of adapted products, and their x Aᵀ
            + (ranks.Output > 0 ? Queries + ranks.Output : 0)
            + (ranks.GateUp > 0 ? Hidden + ranks.GateUp : 0)
            + (ranks.Down > 0 ? Intermediate + ranks.Down : 0);
        long scales = 2 + (hasHeadNorms ? attention.Heads + attention.KeyValueHeads : 0); // of norms, wide: two of the block, one for each head
        return shape.Tokens * ((perToken * elementSize) + (scales * ScaleSize));
    }

    // By tiles, since causality leaves out up to half of the square of a length.
    private long Probabilities(StepShape shape) => shape.Lengths.Sum(length => Tiles(length).Sum());

    private long LargestTile(StepShape shape) => Tiles(shape.Lengths.Max()).Max();

    private IEnumerable<long> Tiles(int length) =>
        AttentionTile.Of(length, attention.Window, DocumentAttention.TileQueries).Select(tile => (long)attention.Heads * tile.Queries * tile.Keys * elementSize);
}

/// <summary>The ranks of what adapts the products of a block, added up by product; 0 where nothing does; and whether any of their inputs is dropped.</summary>
internal readonly record struct LayerRanks(long QueryKeyValue, long Output, long GateUp, long Down, bool HasDropout);

/// <summary>What the memory of a step hangs on.</summary>
/// <param name="Lengths">Tokens of each document.</param>
/// <param name="Supervised">Tokens whose successor is learned.</param>
internal sealed record StepShape(IReadOnlyList<int> Lengths, int Supervised)
{
    /// <summary>All tokens.</summary>
    public long Tokens { get; } = Lengths.Sum(length => (long)length);
}
