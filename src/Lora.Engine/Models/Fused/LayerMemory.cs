using Lora.Kernels;
using TorchSharp;

namespace Lora.Models;

/// <summary>
/// Bytes of one block's tensors, by the shapes that <see cref="FusedLayer"/> and <see cref="FusedAttention"/> give them. What a pass makes lives
/// until the pass ends, so its largest extent is the sum of it; only a block of queries frees what it made before the next.
/// </summary>
internal sealed class LayerMemory
{
    private const int ScaleSize = sizeof(float);

    private readonly DecoderConfig config;
    private readonly int? window;
    private readonly LayerRanks ranks;
    private readonly bool hasHeadNorms;
    private readonly int elementSize;

    /// <param name="weights">The block's.</param>
    /// <param name="config">The model's shape.</param>
    /// <param name="layer">The block's number.</param>
    /// <param name="ranks">Ranks of what adapts it.</param>
    public LayerMemory(FusedLayerWeights weights, DecoderConfig config, int layer, LayerRanks ranks)
    {
        this.config = config;
        this.ranks = ranks;
        window = config.SlidingWindows[layer];
        hasHeadNorms = weights.QueryNorm is not null;
        elementSize = weights.Output.DataType.ElementSize();
    }

    private long Hidden => config.HiddenSize;

    private long Queries => (long)config.Heads * config.HeadDimension;

    private long Keys => (long)config.KeyValueHeads * config.HeadDimension;

    private long Intermediate => config.IntermediateSize;

    /// <summary>The block's input, or output.</summary>
    public long Input(StepShape shape) => shape.Tokens * Hidden * elementSize;

    /// <summary>What stays between the passes, the block's input included.</summary>
    public long Kept(Kept kept, StepShape shape) => kept switch
    {
        Models.Kept.Nothing => 0,
        Models.Kept.Input => Input(shape),
        Models.Kept.AllButProbabilities => Input(shape) + State(shape),
        _ => Input(shape) + State(shape) + Probabilities(shape),
    };

    /// <summary>The most that the forward pass has beside what is kept and the block's output.</summary>
    public long Forward(Kept kept, StepShape shape)
    {
        long last = (ranks.Down == 0 ? Intermediate : 0)
            + (ranks.HasDropout ? Intermediate : 0) // the input of the last product, dropped
            + Hidden;
        long before = (hasHeadNorms ? Queries + Keys : Queries + (2 * Keys)) // the rotated heads, else q, k and v as one
            + (ranks.QueryKeyValue == 0 ? Hidden : 0)
            + (ranks.Output == 0 ? Queries : 0)
            + (ranks.GateUp == 0 ? Hidden : 0);
        bool isKept = kept >= Models.Kept.AllButProbabilities;
        long perToken = before + (isKept ? Math.Max(last, 2 * Intermediate) : last); // gate|up before they are where they are kept
        return (isKept ? 0 : State(shape)) + (kept == Models.Kept.All ? 0 : LargestTile(shape)) + (shape.Tokens * perToken * elementSize);
    }

    /// <summary>What there is at the end of the backward pass, beside the block's input and state: the gradients of everything on the way.</summary>
    public long Backward(Kept kept, StepShape shape)
    {
        long perToken = Hidden // at the output
            + Intermediate + (2 * Intermediate) + Hidden // of down's and gate|up's inputs
            + Queries + Queries + (2 * Keys) + (2 * Keys) // of o's input, of q, k and v, and of k and v by documents
            + Hidden
            + (ranks.HasDropout ? Hidden : 0) // the input of the last product, dropped
            + ranks.QueryKeyValue + ranks.Output + ranks.GateUp + ranks.Down;
        int tiles = kept == Models.Kept.AllButProbabilities ? 2 : 1; // those of p and of its gradient
        return (shape.Tokens * perToken * elementSize) + (tiles * LargestTile(shape));
    }

    private long State(StepShape shape)
    {
        long perToken = Queries + (2 * Keys) // of each document
            + (hasHeadNorms ? Queries + (2 * Keys) : 0)
            + Hidden + (2 * Intermediate)
            + (ranks.QueryKeyValue > 0 ? Hidden + ranks.QueryKeyValue : 0)
            + (ranks.Output > 0 ? Queries + ranks.Output : 0)
            + (ranks.GateUp > 0 ? Hidden + ranks.GateUp : 0)
            + (ranks.Down > 0 ? Intermediate + ranks.Down : 0);
        long scales = 2 + (hasHeadNorms ? config.Heads + config.KeyValueHeads : 0);
        return shape.Tokens * ((perToken * elementSize) + (scales * ScaleSize));
    }

    private long Probabilities(StepShape shape) => shape.Lengths.Sum(length => Tiles(length).Sum());

    private long LargestTile(StepShape shape) => Tiles(shape.Lengths.Max()).Max();

    private IEnumerable<long> Tiles(int length) =>
        AttentionTile.Of(length, window, DocumentAttention.TileQueries).Select(tile => (long)config.Heads * tile.Queries * tile.Keys * elementSize);
}
