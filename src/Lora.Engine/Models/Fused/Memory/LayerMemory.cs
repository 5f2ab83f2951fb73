using Lora.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Bytes of one block's tensors, by the shapes that <see cref="FusedLayer"/> and <see cref="FusedAttention"/> give them. What is kept, and what a
/// pass makes and lets go, lies on stacks.
/// </summary>
internal sealed class LayerMemory
{
    private const int ScaleSize = sizeof(float);

    private readonly AttentionShape attention;
    private readonly FusedBlock block;
    private readonly FusedAttention mixing;
    private readonly LayerRanks ranks;
    private readonly bool hasHeadNorms;
    private readonly bool hasOutputNorms;
    private readonly int inputNorms;
    private readonly int norms;
    private readonly int numbersOfNorm;
    private readonly bool isScaled;
    private readonly IKernels kernels;
    private readonly ScalarType type;
    private readonly int elementSize;
    private readonly Device device;

    /// <param name="weights">The block's.</param>
    /// <param name="mixing">Its attention.</param>
    /// <param name="kernels">What computes it.</param>
    /// <param name="ranks">Ranks of what adapts it.</param>
    public LayerMemory(FusedLayerWeights weights, FusedAttention mixing, IKernels kernels, LayerRanks ranks)
    {
        this.ranks = ranks;
        this.mixing = mixing;
        block = weights.Block;
        attention = block.Attention;
        (Gates, Intermediate) = (weights.GateUp.Shape[0], weights.Down.Shape[1]);
        hasHeadNorms = weights.HeadNorms.Count > 0;
        hasOutputNorms = weights.MlpOutputNorm is not null;
        NormWeight[] all = [.. new[] { weights.InputNorm, weights.MiddleNorm, weights.AttentionOutputNorm, weights.MlpOutputNorm }.OfType<NormWeight>()];
        norms = all.Length;
        inputNorms = norms - (hasOutputNorms ? 2 : 0);
        numbersOfNorm = all[0].Numbers;
        Scales = all.Sum(norm => norm.Numbers) + weights.HeadNorms.Sum(norm => norm.Rows * norm.Weight.Numbers);
        isScaled = block.ResidualScale != 1;
        Reordered = weights.Order is null ? 0 : Queries + (2 * Keys);
        this.kernels = kernels;
        type = weights.Output.DataType;
        elementSize = type.ElementSize();
        device = weights.Output.Device;
    }

    /// <summary>In how many slices heads can be taken at the most.</summary>
    public int MostSlices => mixing.MostSlices;

    private bool MakesResults => kernels.MakesResults;

    private long Hidden => attention.HiddenSize;

    private long Queries => attention.QueryWidth;

    private long Keys => attention.KeyWidth;

    private long Intermediate { get; }

    /// <summary>What the first product of the MLP gives.</summary>
    private long Gates { get; }

    /// <summary>q, k and v as their layer gives them, where that is not the order of attention.</summary>
    private long Reordered { get; }

    /// <summary>How wide the rows are that kernels work on.</summary>
    public KernelWidths Widths => new(Hidden, Queries + Keys, ranks.Dropped, type, device);

    /// <summary>What stays on the stack between the passes, the block's input included.</summary>
    public long Kept(Kept kept, StepShape shape) => kept switch
    {
        Models.Kept.Nothing => 0,
        Models.Kept.Input => Input(shape),
        Models.Kept.Products or Models.Kept.AllButProbabilities => Input(shape) + State(kept, shape),
        _ => Input(shape) + State(kept, shape) + mixing.Bytes(shape).Probabilities,
    };

    /// <summary>What stays between the passes in memory that operators made, or, of a block that keeps less, is there in passing.</summary>
    public long Made(Kept kept, StepShape shape)
    {
        if (!MakesResults)
        {
            return 0;
        }

        int made = norms - (kept == Models.Kept.Products ? inputNorms : 0); // norms' results
        long perToken = (made * Hidden)
            + (hasHeadNorms ? Queries + Keys : 0)
            + (isScaled ? Queries : 0); // what was mixed, unscaled and scaled
        return Bytes(shape, perToken) + (shape.Tokens * Scales * ScaleSize) + mixing.Bytes(shape).Made;
    }

    /// <summary>The most that kernels and operators make in passing.</summary>
    public long Passing(StepShape shape) =>
        // The gradient behind a norm stays until its half of the block is done.
        (MakesResults && hasOutputNorms ? Bytes(shape, Hidden) : 0) + Math.Max(Math.Max(mixing.Bytes(shape).Passing, ranks.Passing), kernels.Workspace(shape.Tokens, Widths));

    /// <summary>What attention shares with other blocks; null for nothing.</summary>
    public SharedBytes? Shared(StepShape shape) => mixing.Bytes(shape).Shared;

    /// <summary>Keys and values of a text that stay while texts behind its beginning are read.</summary>
    public long Seen(StepShape shape) => 2 * Keys * elementSize * (shape.Before + shape.Tokens);

    /// <summary>What the forward pass has on the stack and lets go.</summary>
    public long ForwardScratch(Kept kept, StepShape shape)
    {
        bool isAgain = kept == Models.Kept.Products;
        long normals = MakesResults ? 0 : (inputNorms * Hidden) - (isAgain ? 0 : KeptNormals);
        long heads = mixing.KeepsInputs ? 0
            : (ranks.Output == 0 && !mixing.KeepsMixed ? Queries : 0) + (hasHeadNorms ? Queries + Keys : Queries + (2 * Keys)); // the rotated heads, else q, k and v as one
        long perToken = normals + heads // inputs of products that nothing adapts, and those that are made again
            + (isAgain || ranks.Down == 0 ? Intermediate : 0)
            + ranks.ScaledAgain
            + ranks.Dropped; // the input of a product, once for each adapter that sees its own
        perToken += hasOutputNorms && !MakesResults ? Hidden : 0; // the normalised output of the MLP
        perToken += Reordered + (block.IsParallel ? Hidden : 0); // the sum with attention, which nobody reads again
        AttentionBytes mixed = mixing.Bytes(shape);
        return Bytes(shape, perToken) + (kept == Models.Kept.All ? mixed.Keeping : mixed.Again).Forward + (kept >= Models.Kept.Products ? 0 : State(kept, shape));
    }

    /// <summary>The most that the backward pass has on the stack at once of what it lets go.</summary>
    public long BackwardScratch(Kept kept, StepShape shape)
    {
        // In the order of FusedLayer.Backward: whichever of the halves has more at once decides.
        bool isAgain = kept == Models.Kept.Products && !MakesResults && inputNorms > 0;
        long waiting = block.IsParallel ? Hidden : 0; // the gradient at what the MLP's norm gave
        long normal = isAgain ? 2 * Hidden : Hidden; // the gradient at a norm's result, and that result where it is made again
        long mlp = ranks.ScaledAgain + Gates + Math.Max(Intermediate, normal - waiting); // gradients of gate and up, and before or behind them
        long qkv = Queries + (2 * Keys);
        long branch = hasOutputNorms && !MakesResults ? Hidden : 0; // the gradient behind a norm
        long adapter = waiting + branch + ranks.QueryKeyValue + ranks.Output + ranks.GateUp + ranks.Down + ranks.Dropped;
        AttentionBytes mixed = mixing.Bytes(shape);

        // Either the products with their adapters, or attention within its largest document; they follow each other.
        return Math.Max(
            Bytes(shape, Math.Max(mlp, qkv + Math.Max(Queries, Reordered + normal)) + adapter) + (isAgain ? shape.Tokens * numbersOfNorm * ScaleSize : 0),
            Bytes(shape, waiting + branch + qkv + Queries) + (kept is Models.Kept.Products or Models.Kept.AllButProbabilities ? mixed.Again : mixed.Keeping).Backward);
    }

    // Of norms, wide: those of the block, and those of each row of heads.
    private long Scales { get; }

    /// <summary>Results of the norms of what attention and the MLP see that a product with an adapter reads; both may read one.</summary>
    private long KeptNormals
    {
        get
        {
            int readers = (ranks.QueryKeyValue > 0 ? 1 : 0) + (ranks.GateUp > 0 ? 1 : 0);
            return inputNorms == 0 ? 0 : block.SharesNorm ? Math.Min(readers, 1) * Hidden : readers * Hidden;
        }
    }

    private long Input(StepShape shape) => Bytes(shape, Hidden);

    private long Bytes(StepShape shape, long perToken) => shape.Tokens * perToken * elementSize;

    private long State(Kept kept, StepShape shape)
    {
        bool isAgain = kept == Models.Kept.Products;
        long perToken = (MakesResults || isAgain ? 0 : KeptNormals) // inputs of adapted products, and their x Aᵀ
            + ranks.QueryKeyValue + ranks.Output + ranks.GateUp + ranks.Down
            + (mixing.KeepsProduct ? Queries + (2 * Keys) : 0) // q, k and v before their norms, or as attention reads them
            + (block.IsParallel ? 0 : Hidden) + Gates // the sum after attention, or what is normalised before it; gate and up
            + ranks.Unscaled // of the other products
            + (hasOutputNorms ? (MakesResults ? 1 : 2) * Hidden : 0) // what the MLP gave; the sum after attention where operators did not make it
            + (ranks.Output > 0 && !mixing.KeepsMixed ? Queries : 0)
            + (ranks.Down > 0 && !isAgain ? Intermediate : 0);
        return Bytes(shape, perToken) + mixing.Bytes(shape).Kept + (MakesResults ? 0 : shape.Tokens * Scales * ScaleSize);
    }
}

/// <summary>The ranks of what adapts the products of a block, added up by product; 0 where nothing does; and the most values of a token that a product drops at once.</summary>
internal readonly record struct LayerRanks(long QueryKeyValue, long Output, long GateUp, long Down, long Dropped)
{
    /// <summary>Values of a token, before magnitudes scale them, that are kept beside the outputs.</summary>
    public long Unscaled { get; init; }

    /// <summary>Values of gate and up where they are kept before magnitudes scale them, and are scaled once more in the backward pass.</summary>
    public long ScaledAgain { get; init; }

    /// <summary>Bytes that norms of DoRA make in passing.</summary>
    public long Passing { get; init; }

    /// <summary>Those of a block's products.</summary>
    public static LayerRanks Of(AdaptedProduct queryKeyValue, AdaptedProduct output, AdaptedProduct gateUp, AdaptedProduct down)
    {
        AdaptedProduct[] all = [queryKeyValue, output, gateUp, down];
        long again = gateUp.HasOutputsAgain ? gateUp.UnscaledWidth : 0;
        return new(queryKeyValue.Rank, output.Rank, gateUp.Rank, down.Rank, all.Max(product => product.DroppedWidth))
        {
            Unscaled = all.Sum(product => product.UnscaledWidth) - again,
            ScaledAgain = again,
            Passing = all.Max(product => product.Passing),
        };
    }
}

/// <summary>What the memory of a step hangs on.</summary>
/// <param name="Lengths">Tokens of each document.</param>
/// <param name="Supervised">Tokens whose successor is learned.</param>
internal sealed record StepShape(IReadOnlyList<int> Lengths, int Supervised)
{
    /// <summary>All tokens.</summary>
    public long Tokens { get; } = Lengths.Sum(length => (long)length);

    /// <summary>In how many slices attention takes its heads; no more than there can be.</summary>
    public int AttentionSlices { get; init; } = 1;

    /// <summary>Tokens that stand before a text of an evaluation and were read once for several.</summary>
    public int Before { get; init; }
}
