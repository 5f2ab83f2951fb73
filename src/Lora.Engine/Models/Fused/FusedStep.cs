using Lora.Data;
using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>The gradients of a batch by hand-written forward and backward passes. Below the lowest adapted block nothing is kept and no gradient taken.</summary>
/// <remarks>
/// It takes a padded batch and gives its loss and the adapters' gradients. What is special: rows lie end to end without padding, and only attention
/// knows where a document ends; W has no gradient, so a linear layer costs two products of its size and not three; q, k, v and gate, up are one
/// product each, their adapters two thin ones; the head sees supervised tokens alone and its logits become their own gradient, chunk by chunk; memory
/// is two stacks that are reserved once, as planned, and blocks that do not fit are computed again. <see cref="ReferenceStep"/> is the plain way.
/// </remarks>
internal sealed class FusedStep : IStepEngine
{
    private readonly FusedDecoder decoder;
    private readonly FusedLayer[] layers;
    private readonly FusedHead head;
    private readonly IReadOnlyDictionary<Tensor, WorkingValues> working;
    private readonly TensorStack states;
    private readonly TensorStack scratch;

    /// <param name="decoder">The frozen weights.</param>
    /// <param name="adapter">The factors of adapted modules, by their names: linear layers of blocks, and the head.</param>
    /// <param name="kernels">Null for the fastest that serve the weights' device and dtype.</param>
    public FusedStep(FusedDecoder decoder, IReadOnlyDictionary<string, LowRankFactors> adapter, IKernels? kernels = null)
    {
        this.decoder = decoder;
        kernels ??= KernelSet.Of(decoder.Embedding.device, decoder.Embedding.dtype);

        // Two stacks: what stays from a forward pass to its backward pass, and what a pass makes and lets go. On one, each would lie in the other's
        // way.
        states = new(decoder.Embedding.device);
        scratch = new(decoder.Embedding.device);

        // Blocks share the scratch, since only one of them works at a time. The head takes its gradients chunk by chunk, and so adds them itself.
        working = WorkingValues.Of(adapter.Where(entry => entry.Key != decoder.Shape.Head.Name).Select(entry => entry.Value), decoder.Embedding.dtype);
        layers = [.. decoder.Layers.Select(weights => new FusedLayer(weights, adapter, kernels, scratch, working))];
        head = new(decoder, adapter.GetValueOrDefault(decoder.Shape.Head.Name), kernels, scratch);

        // Gradients only flow down to the lowest block that learns, so everything below it is a plain forward pass.
        int found = Array.FindIndex(layers, layer => layer.IsAdapted);
        Lowest = found < 0 ? layers.Length : found;
        Memory = new(
            [.. layers.Skip(Lowest).Select(layer => layer.Memory)],
            [.. layers.Take(Lowest).Select(layer => layer.Memory)],
            decoder.Shape,
            (int)decoder.Embedding.element_size(),
            kernels,
            FrozenProduct.Workspace(decoder.Embedding.device),
            (head.UnscaledWidth, head.Passing));
        Ways =
        [
            .. layers.Select(layer => layer.AttentionWay).OfType<string>().Distinct().Select(way => $"Attention {way}"),
            .. new[] { decoder.Norm.Shift is null ? kernels.Way(OperatorNeeds.FusedNorm, decoder.Embedding.dtype, decoder.Embedding.device) : null }.OfType<string>(),
        ];
    }

    /// <summary>The lowest block that learns; the number of blocks when only the head does.</summary>
    public int Lowest { get; }

    /// <summary>Bytes of one token's hidden state.</summary>
    public long HiddenSize => decoder.Shape.HiddenSize * decoder.Embedding.element_size();

    /// <summary>What computes attention in its blocks, and what takes the place of whole operators, with why nothing quicker does; empty where there is no choice.</summary>
    public IReadOnlyList<string> Ways { get; }

    /// <summary>What its tensors take.</summary>
    public StepMemory Memory { get; }

    /// <summary>Whether what texts begin with is the same in each: a rotation that hangs on the length is another one for each.</summary>
    public bool SharesBeginnings => !decoder.HasLengthRotation;

    /// <summary>Tensors for which there was no room where it was planned.</summary>
    public int Overflow => states.Overflow + scratch.Overflow;

    /// <summary>Which blocks compute again what they do not keep.</summary>
    public Recomputation Recomputation { get; set; }

    /// <summary>Supervised places whose loss is taken at once.</summary>
    public int LossChunk
    {
        get => head.Chunk;
        set => head.Chunk = value;
    }

    /// <summary>In how many slices attention takes its heads where no operator has them whole; see <see cref="StepMemory.MostSlices"/>.</summary>
    public int AttentionSlices
    {
        get;
        set
        {
            field = value;
            Array.ForEach(layers, layer => layer.AttentionSlices = value);
        }
    } = 1;

    /// <summary>
    /// Hidden states from earlier batches, at the lowest block that learns or at blocks below it, the highest first; not owned. None to compute them
    /// each time.
    /// </summary>
    public IReadOnlyList<PrefixCache> Caches { get; set; } = [];

    /// <summary>Tells of the inputs of adapted layers, [tokens, in], in each forward pass that nothing is computed again of.</summary>
    /// <param name="onInput">Told the names of the layers that share an input, and the input, which it does not own.</param>
    public void Watch(Action<IReadOnlyList<string>, Tensor> onInput)
    {
        Array.ForEach(layers, layer => layer.Watch(onInput));
        head.Watch(onInput);
    }

    /// <summary>Makes room for a batch and for all that are smaller.</summary>
    public void Reserve(StepShape shape)
    {
        StepShape sliced = shape with { AttentionSlices = AttentionSlices };
        states.Reserve(Memory.Stack(sliced, Recomputation));
        scratch.Reserve(Memory.Scratch(sliced, Recomputation, LossChunk));
    }

    /// <summary>The same for an evaluation.</summary>
    public void ReserveEvaluation(StepShape shape)
    {
        StepShape sliced = shape with { AttentionSlices = AttentionSlices };
        states.Reserve(Memory.EvaluationStack(sliced));
        scratch.Reserve(Memory.EvaluationScratch(sliced, LossChunk));
    }

    /// <inheritdoc/>
    public Tensor QueueGradients(Batch batch, SupervisedRows rows, double scale)
    {
        if (rows.Count == 0)
        {
            return zeros([], dtype: ScalarType.Float64, device: decoder.Embedding.device);
        }

        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();

        // The optimiser has changed A and B since; products read copies of them in the base's dtype, and each batch drops other values.
        Refresh();
        PackedBatch packed = new(batch, rows);
        StepContext step = Context(packed.Documents, packed);

        // Finds the room that the run's plan reserved; a batch that nobody planned gets its own here.
        Reserve(Shape(packed, rows));

        // A stack as well: the backward pass meets the blocks in the opposite order.
        Stack<(Tensor Input, TensorStack.Mark Top, LayerState? State)> kept = new();
        try
        {
            // At the bottom of the stack, since it outlives every state: each block turns it from the gradient of its output into that of its input.
            Tensor? gradient = Lowest < layers.Length ? states.Take(decoder.Embedding.dtype, packed.Documents.Ids.Length, decoder.Shape.HiddenSize) : null;
            Tensor x = states.Take(decoder.Embedding.dtype, packed.Documents.Ids.Length, decoder.Shape.HiddenSize); // [tokens, hidden]
            Prefix(Caches).Write(packed.Documents, step, x);
            for (int layer = Lowest; layer < layers.Length; layer++)
            {
                TensorStack.Mark top = states.Top;
                (Tensor y, LayerState? state) = layers[layer].Forward(x, step, Recomputation.Of(layer - Lowest), states);

                // Only the input, where the block is computed again: its state is null, and the mark says where the stack ended before the block.
                kept.Push((x, top, state));
                x = y;
            }

            // The head differentiates while it computes the loss, so the logits of all places never exist at once.
            Tensor loss = head.AddGradients(x, step, scale, gradient);
            for (int layer = layers.Length - 1; layer >= Lowest; layer--)
            {
                (Tensor input, TensorStack.Mark top, LayerState? found) = kept.Pop();
                LayerState state = found ?? Recompute(layer, input, top, step);

                // The lowest block that learns hands nothing down: the blocks below it are frozen, and its input is data.
                layers[layer].Backward(gradient!, input, state, step, needsInput: layer > Lowest);
            }

            foreach (WorkingValues values in working.Values)
            {
                values.Gather();
            }

            return loss.MoveToOuterDisposeScope();
        }
        finally
        {
            EndStep();
        }
    }

    /// <inheritdoc/>
    public LossSum SumLoss(Batch batch, SupervisedRows rows)
    {
        using DisposeScope scope = NewDisposeScope();
        return LossSum.Read([QueueSums(batch, rows)])[0];
    }

    /// <inheritdoc/>
    public IReadOnlyList<LossSum> SumEach(IReadOnlyList<TrainingExample> texts)
    {
        using DisposeScope scope = NewDisposeScope();
        return LossSum.Read(QueueEach(texts));
    }

    /// <summary><see cref="SumLoss"/> without waiting for it.</summary>
    /// <returns>[2], float64 (<see cref="LossSum.Read"/>), in the caller's scope.</returns>
    internal Tensor QueueSums(Batch batch, SupervisedRows rows)
    {
        using IDisposable noGradient = no_grad();
        Refresh();
        return Queue(batch, rows);
    }

    private Tensor Queue(Batch batch, SupervisedRows rows)
    {
        using DisposeScope scope = NewDisposeScope();
        if (rows.Count == 0)
        {
            return zeros([2], dtype: ScalarType.Float64, device: decoder.Embedding.device).MoveToOuterDisposeScope();
        }

        PackedBatch packed = new(batch, rows);
        ReserveEvaluation(Shape(packed, rows));
        try
        {
            StepContext step = Context(packed.Documents, packed);
            Tensor x = states.Take(decoder.Embedding.dtype, packed.Documents.Ids.Length, decoder.Shape.HiddenSize); // [tokens, hidden]
            Prefix(caches: []).Write(packed.Documents, step, x); // nothing says that these documents come again

            // In place, block after block: without a backward pass nobody asks for a block's input again.
            foreach (FusedLayer layer in layers.Skip(Lowest))
            {
                layer.Forward(x, step);
            }

            return head.SumLoss(x, step).MoveToOuterDisposeScope();
        }
        finally
        {
            EndStep();
        }
    }

    /// <summary><see cref="SumEach"/> without waiting for it.</summary>
    /// <returns>Each [2], float64, in the caller's scope.</returns>
    internal IReadOnlyList<Tensor> QueueEach(IReadOnlyList<TrainingExample> texts)
    {
        using IDisposable noGradient = no_grad();
        Refresh();
        if (!SharesBeginnings || SharedBeginning.Of(texts) is not SharedBeginning beginning)
        {
            return [.. texts.Select(text => Batch.Of([text], Batch.Padding)).Select(batch => Queue(batch, SupervisedRows.Of(batch)))];
        }

        using DisposeScope scope = NewDisposeScope();
        ReserveEvaluation(beginning.Shape);
        try
        {
            PackedDocuments first = new([new(beginning.Ids, beginning.Ids, 1)]);
            FusedFollowing following = new(decoder, layers, states, scratch, Context(first), beginning.Shape.Lengths[0]) { Slices = AttentionSlices };
            List<Tensor> sums = [];
            foreach (TrainingExample text in beginning.Following)
            {
                using DisposeScope own = NewDisposeScope();
                using TensorStack.Pass pass = states.Begin();
                Batch batch = Batch.Of([text], Batch.Padding);
                PackedBatch packed = new(batch, SupervisedRows.Of(batch));
                StepContext step = decoder.Context(packed.Documents, packed, beginning.Ids.Length);
                sums.Add(head.SumLoss(following.Read(step), step).MoveToOuterDisposeScope());
            }

            return [.. sums.Select(sum => sum.MoveToOuterDisposeScope())];
        }
        finally
        {
            EndStep();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Array.ForEach(layers, layer => layer.Dispose());
        head.Dispose();
        working.Values.ToList().ForEach(values => values.Dispose());
        states.Dispose();
        scratch.Dispose();
    }

    /// <summary>What the block keeps, made again where the blocks above it, whose backward passes are done, had kept theirs.</summary>
    private LayerState Recompute(int layer, Tensor input, TensorStack.Mark top, StepContext step)
    {
        // The block's own output lies above the mark as well: it was the input of the block above, which is done with it.
        states.Release(top);
        return layers[layer].Recompute(input, step, states);
    }

    private static StepShape Shape(PackedBatch packed, SupervisedRows rows) =>
        new([.. packed.Documents.Places.Select(document => document.Length)], rows.Count);

    private StepContext Context(PackedDocuments documents, PackedBatch? batch = null) =>
        decoder.Context(documents, batch, laid: layers.Select(layer => layer.Laid).OfType<AttentionHeads>());

    /// <summary>After a failure too: the next batch needs the stacks empty.</summary>
    private void EndStep()
    {
        states.EndStep();
        scratch.EndStep();
    }

    private FusedPrefix Prefix(IReadOnlyList<PrefixCache> caches) => new(decoder, layers[..Lowest], caches);

    private void Refresh()
    {
        working.Values.ToList().ForEach(values => values.Refresh());
        Array.ForEach(layers, layer => layer.Refresh());
        head.Refresh();
    }
}

/// <summary>What all blocks of one step share.</summary>
/// <param name="Documents">Where each lies.</param>
/// <param name="Angles">Of all tokens by each of the model's rotations (<see cref="FusedBlock.Rotation"/>).</param>
/// <param name="Ids">Of all tokens, [tokens].</param>
/// <param name="Supervised">The tokens whose successor is learned, [places].</param>
/// <param name="Targets">The successors, [places].</param>
internal sealed record StepContext(DocumentPlaces Documents, IReadOnlyList<RotationAngles> Angles, Tensor Ids, Tensor Supervised, Tensor Targets)
{
    /// <summary>The place of each token in its document, [tokens], where the model has learned positions; else null.</summary>
    public Tensor? Positions { get; init; }

    /// <summary>
    /// Told the heads of each block in a pass after which texts go on; what it gives, [tokens, heads, headSize], is what was mixed where keys before the pass
    /// are seen too, and null leaves that to the block. Null for nobody.
    /// </summary>
    public Func<HeadParts, Tensor?>? OnHeads { get; init; }

    /// <summary>Whether nobody asks for the block's output but for the last token's: what follows attention is computed for that one.</summary>
    public bool IsLastAlone { get; init; }
}
