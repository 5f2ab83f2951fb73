using Lora.Kernels;

namespace Lora.Models;

/// <summary>The most memory that a step's tensors take, from its shape alone.</summary>
/// <param name="layers">The blocks that learn, from the lowest.</param>
/// <param name="prefix">The blocks below them.</param>
/// <param name="model">The model's shape.</param>
/// <param name="elementSize">Of activations.</param>
/// <param name="kernels">What computes it.</param>
/// <param name="products">Bytes that matrix products need in passing (<see cref="FrozenProduct.Workspace"/>).</param>
/// <param name="head">Logits of a place that the head has beside those of the loss, and bytes that its magnitudes make in passing.</param>
internal sealed class StepMemory(
    IReadOnlyList<LayerMemory> layers, IReadOnlyList<LayerMemory> prefix, ModelShape model, int elementSize, IKernels kernels, long products, (long Unscaled, long Passing) head = default)
{
    // cos and sin of a token's angles, wide, by each of the model's rotations.
    private readonly long angleSize = model.Rotations.Sum(rope => 2L * rope.RotatedValues(model.Blocks[0].SelfAttention.HeadDimension)) * Math.Max(elementSize, sizeof(float));

    // What the last norm keeps of a row.
    private readonly long normSize = (model.FinalNorm!.TakesMean ? 2 : 1) * sizeof(float);

    /// <summary>Blocks that learn.</summary>
    public int Blocks => layers.Count;

    /// <summary>In how many slices heads can be taken at the most.</summary>
    public int MostSlices => All.Select(layer => layer.MostSlices).DefaultIfEmpty(1).Max();

    /// <summary>Logits of one place.</summary>
    public int Vocabulary => model.VocabularySize;

    private IEnumerable<LayerMemory> All => layers.Concat(prefix);

    /// <summary>Bytes at the highest point of the step: both stacks, whose memory is there all the time, and what is made beside them.</summary>
    /// <param name="shape">The batch's.</param>
    /// <param name="recomputation">What is computed again.</param>
    /// <param name="chunk">Supervised places whose loss is taken at once.</param>
    public long Peak(StepShape shape, Recomputation recomputation, int chunk = LossChunk.Least) =>
        // Beside the stacks there is once the hidden states that enter the lowest block, once the supervised rows; never both.
        Stack(shape, recomputation) + Scratch(shape, recomputation, chunk) + Math.Max(Output(shape), Rows(shape)) + Made(shape, recomputation) + Shared(shape) + Passing(shape) + products;

    /// <summary>Bytes of what is kept between the passes.</summary>
    public long Stack(StepShape shape, Recomputation recomputation)
    {
        long below = layers.Count == 0 ? 0 : Output(shape); // the gradient
        long highest = 0;
        for (int index = 0; index < layers.Count; index++)
        {
            Kept kept = recomputation.Of(index);

            // When a block is computed again, all blocks above it have let go; what is kept of those below is still there.
            long again = kept == Models.Kept.Input ? layers[index].Kept(Models.Kept.All, shape) : 0;
            highest = Math.Max(highest, below + again);
            below += layers[index].Kept(kept, shape);
        }

        // After the last block: every state, and its output for the head.
        return Math.Max(highest, below + Output(shape));
    }

    /// <summary>Bytes of what a pass makes and lets go, of the pass that makes most.</summary>
    public long Scratch(StepShape shape, Recomputation recomputation, int chunk) => new[]
    {
        prefix.Select(layer => layer.ForwardScratch(Models.Kept.Nothing, shape)).DefaultIfEmpty().Max(),
        layers.Select((layer, index) => layer.ForwardScratch(recomputation.Of(index), shape)).DefaultIfEmpty().Max(),
        layers.Select((layer, index) => layer.BackwardScratch(Found(recomputation.Of(index)), shape)).DefaultIfEmpty().Max(),
        HeadScratch(shape, chunk),
    }.Max();

    /// <summary>Bytes at the highest point of an evaluation, which no backward pass follows.</summary>
    /// <param name="shape">The batch's, or that of texts behind one beginning.</param>
    /// <param name="chunk">Supervised places whose loss is taken at once.</param>
    /// <param name="stack">Bytes that a step has on the stack of what is kept, which stays as it is.</param>
    /// <param name="scratch">The same of what passes make.</param>
    public long EvaluationPeak(StepShape shape, int chunk, long stack = 0, long scratch = 0) =>
        Math.Max(stack, EvaluationStack(shape)) + Math.Max(scratch, EvaluationScratch(shape, chunk)) + products
            + Passes(shape).Max(pass => Rows(pass) + All.Select(layer => layer.Made(Models.Kept.All, pass)).DefaultIfEmpty().Max() + Shared(pass) + Passing(pass));

    /// <summary>Bytes of hidden states, and of keys and values that several texts see.</summary>
    public long EvaluationStack(StepShape shape) => Passes(shape).Max(Output) + (shape.Before == 0 ? 0 : All.Sum(layer => layer.Seen(shape)));

    /// <summary>Bytes of what a pass of an evaluation makes and lets go.</summary>
    public long EvaluationScratch(StepShape shape, int chunk) =>
        Passes(shape).Max(pass => All.Select(layer => layer.ForwardScratch(Models.Kept.Nothing, pass)).Append(HeadScratch(pass, chunk)).Max());

    /// <summary>Bytes of the head at its highest point: a chunk of logits, and the supervised rows.</summary>
    public long Head(StepShape shape, int chunk) => HeadScratch(shape, chunk) + Rows(shape);

    /// <summary>Bytes that operators made and that stay: of each block that keeps its state, and of the one that works where it does not.</summary>
    private long Made(StepShape shape, Recomputation recomputation)
    {
        long states = layers.Select((layer, index) => recomputation.Of(index) is >= Models.Kept.Products and Kept kept ? layer.Made(kept, shape) : 0).Sum();
        return states + All.Select(layer => layer.Made(Models.Kept.All, shape)).DefaultIfEmpty().Max();
    }

    /// <summary>The most bytes that kernels and operators make in passing; the loss makes none, since a chunk's logits become their gradient in their place.</summary>
    private long Passing(StepShape shape) => All.Select(layer => layer.Passing(shape)).Append(head.Passing).Max();

    /// <summary>The passes of an evaluation: of a batch, or of a beginning and of a text behind it.</summary>
    private static IEnumerable<StepShape> Passes(StepShape shape) =>
        shape.Before == 0 ? [shape] : [new([shape.Before], 0) { AttentionSlices = shape.AttentionSlices }, shape];

    private static Kept Found(Kept kept) => kept == Models.Kept.Input ? Models.Kept.All : kept;

    private long HeadScratch(StepShape shape, int chunk)
    {
        // Logits are the widest rows of all; how many exist at once is bounded by the chunk and not by the batch.
        long width = (model.Head.Cap is null ? 1L : 2L) * model.VocabularySize; // once more where they are capped
        width += head.Unscaled;
        long logits = Math.Min(chunk, shape.Supervised) * (width + (2L * model.HiddenSize)); // and gradients of the chunk's rows, and the rows dropped
        logits = kernels.MakesResults ? logits : Math.Max(logits, shape.Supervised * (long)model.HiddenSize); // or, behind them, the norm's gradient
        long normal = kernels.MakesResults ? 0 : shape.Supervised * ((elementSize * (long)model.HiddenSize) + normSize);
        return (elementSize * logits) + normal;
    }

    /// <summary>Bytes that are made once a step for all blocks.</summary>
    private long Shared(StepShape shape)
    {
        SharedBytes[] shared = [.. All.Select(layer => layer.Shared(shape)).OfType<SharedBytes>()];
        return (shape.Tokens * angleSize) + shared.Select(one => one.Ways).DefaultIfEmpty().Max() + shared.DistinctBy(one => one.Window).Sum(one => one.Mask);
    }

    /// <summary>Bytes of the supervised rows as they come from the last block.</summary>
    private long Rows(StepShape shape) =>
        // As they are, and where operators make results normalised too.
        shape.Supervised * (kernels.MakesResults ? (2L * model.HiddenSize * elementSize) + normSize : (long)model.HiddenSize * elementSize);

    /// <summary>Bytes of one block's output.</summary>
    private long Output(StepShape shape) => shape.Tokens * (long)model.HiddenSize * elementSize;
}
