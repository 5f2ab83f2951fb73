using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// The last norm, the head and the cross-entropy over supervised places only, in chunks: the logits of a chunk become their own gradient at once,
/// so there are never more of them than that.
/// </summary>
internal sealed class FusedHead : IDisposable
{
    private readonly FusedDecoder decoder;
    private readonly IKernels kernels;
    private readonly AdaptedProduct head;
    private readonly TensorStack scratch;
    private readonly Tensor? cap; // [], on the device

    /// <param name="decoder">The frozen weights.</param>
    /// <param name="factors">The head's adapter, or null.</param>
    /// <param name="kernels">For the weights' device and dtype.</param>
    /// <param name="scratch">For what a pass makes.</param>
    public FusedHead(FusedDecoder decoder, LowRankFactors? factors, IKernels kernels, TensorStack scratch)
    {
        this.decoder = decoder;
        this.kernels = kernels;
        this.scratch = scratch;
        head = new(decoder.Head, [factors], kernels, scratch);
        cap = decoder.Shape.Head.Cap is double most ? Arithmetic.Full([], most, decoder.Norm.Wide.dtype, decoder.Embedding.device).DetachFromDisposeScope() : null;
    }

    /// <summary>Logits of a place as they are before magnitudes scale them, beside those; 0 where no magnitude is trained.</summary>
    public long UnscaledWidth => head.UnscaledWidth;

    /// <summary>Bytes that its magnitudes make in passing.</summary>
    public long Passing => head.Passing;

    /// <summary>Places whose logits are there at once.</summary>
    public int Chunk { get; set; } = LossChunk.Least;

    /// <summary>Tells of the head's inputs, the supervised places alone.</summary>
    public void Watch(Action<IReadOnlyList<string>, Tensor> onInput) =>
        // As the layer of the model is given them.
        head.OnInput = x => onInput([decoder.Shape.Head.Name], decoder.HeadFactor == 1 ? x : x.Times(1 / decoder.HeadFactor));

    /// <summary>Takes over the trained values as they are now.</summary>
    public void Refresh() => head.Refresh();

    /// <summary>Takes the summed loss and the hits, and no gradients.</summary>
    /// <param name="x">The last block's output, [tokens, hidden].</param>
    /// <param name="step">The places and what they predict.</param>
    /// <returns>Both, [2], float64 (<see cref="LossSum.Read"/>), in the caller's scope.</returns>
    public Tensor SumLoss(Tensor x, StepContext step)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        (_, Tensor normal, _) = Normalise(x, step.Supervised);
        Tensor sum = Zero(x.device);
        Tensor hits = zeros([], dtype: ScalarType.Int64, device: x.device);
        foreach ((long start, long count) in Chunks(step.Targets.shape[0]))
        {
            using DisposeScope chunk = NewDisposeScope();
            using TensorStack.Pass chunkPass = scratch.Begin();
            Tensor logits = scratch.Take(normal.dtype, count, decoder.Head.Shape[0]); // [count, vocabulary]
            head.Forward(normal.narrow(0, start, count), logits, scratch);
            logits = Capped(logits);

            // Hits first: the loss leaves other numbers in the logits.
            Tensor right = step.Targets.narrow(0, start, count);
            hits.Add(LossSum.FindHits(logits, right));
            kernels.CrossEntropy(logits, right, factor: null, sum);
        }

        return stack([sum, hits.to(ScalarType.Float64)]).MoveToOuterDisposeScope();
    }

    /// <summary>Takes the loss and its gradient.</summary>
    /// <param name="x">The last block's output, [tokens, hidden].</param>
    /// <param name="step">The places and what they predict.</param>
    /// <param name="scale">What the loss is multiplied by before it is differentiated.</param>
    /// <param name="gradient">The one at x, [tokens, hidden]; written. Null when no block learns.</param>
    /// <returns>The summed loss without the factor, [], float64.</returns>
    public Tensor AddGradients(Tensor x, StepContext step, double scale, Tensor? gradient)
    {
        using DisposeScope scope = NewDisposeScope();
        using TensorStack.Pass pass = scratch.Begin();
        // Supervised places are taken out before the norm: prompts never meet the norm, the head or the vocabulary.
        (Tensor rows, Tensor normal, NormState norm) = Normalise(x, step.Supervised);
        Tensor loss = Zero(x.device);
        foreach ((long start, long count) in Chunks(step.Targets.shape[0]))
        {
            using DisposeScope chunk = NewDisposeScope();
            using TensorStack.Pass chunkPass = scratch.Begin();
            head.Redraw(); // else each chunk would drop the same places
            Tensor input = normal.narrow(0, start, count); // becomes its gradient
            Tensor logits = scratch.Take(normal.dtype, count, decoder.Head.Shape[0]); // [count, vocabulary]
            ProductState? product = head.Forward(input, logits, scratch);
            Tensor capped = Capped(logits);

            // The slope of cap · tanh is cap (1 - tanh²); its first factor goes into the loss's.
            kernels.CrossEntropy(capped, step.Targets.narrow(0, start, count), scale * (decoder.Shape.Head.Cap ?? 1), loss);
            if (cap is not null)
            {
                ResultInto.TanhGradient(logits, capped, logits);
            }

            // Not into the input itself where A's gradient still reads it.
            Tensor? back = gradient is null ? null : head.IsAdapted ? scratch.Take(normal.dtype, input.shape) : input;

            // The logits are their own gradient now, [count, vocabulary]: (softmax - onehot) · scale.
            head.Backward(logits, input, product, back);
            if (back is not null && head.IsAdapted)
            {
                input.copy_(back);
            }
        }

        if (gradient is not null)
        {
            // normal holds the gradients at the head's input by now, chunk by chunk, and becomes those at the supervised rows.
            Tensor found = kernels.NormBackward(rows, decoder.Norm, norm, normal, scratch);

            // Tokens without a loss begin at zero; the blocks below give them their part through attention.
            gradient.zero_().index_copy_(0, step.Supervised, found);
        }

        return loss.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        head.Dispose();
        cap?.Dispose();
    }

    private IEnumerable<(long Start, long Count)> Chunks(long places)
    {
        for (long start = 0; start < places; start += Chunk)
        {
            yield return (start, Math.Min(Chunk, places - start));
        }
    }

    /// <summary>Logits as they are capped, where the model does, [places, vocabulary]; those given become their tanh. The last norm has divided them by the cap.</summary>
    private Tensor Capped(Tensor logits)
    {
        if (cap is null)
        {
            return logits;
        }

        Tensor capped = scratch.Take(logits.dtype, logits.shape);
        ResultInto.Product(capped, logits.tanh_(), cap);
        return capped;
    }

    // In float64, since it is a sum over thousands of places.
    private static Tensor Zero(Device device) => zeros([], dtype: ScalarType.Float64, device: device);

    /// <summary>The supervised rows of x, [places, hidden], before and after the last norm, and what the norm's gradient asks for.</summary>
    private (Tensor Rows, Tensor Normal, NormState State) Normalise(Tensor x, Tensor places)
    {
        Tensor rows = x.index_select(0, places); // [places, hidden]
        (Tensor normal, NormState state) = kernels.NormForward(rows, decoder.Norm, decoder.Shape.FinalNorm!.Epsilon, scratch, scratch);
        return (rows, normal, state);
    }
}
