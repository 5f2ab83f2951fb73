using Lora.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Attention between the fused qkv product and o_proj: norms of q and k where the family has them, rotation, and the documents one by one.</summary>
internal sealed class FusedAttention(FusedLayerWeights weights, IKernels kernels, TensorStack scratch)
{
    private readonly AttentionShape shape = weights.Block.Attention;
    private readonly DocumentAttention attention = new(
        kernels, weights.Block.Attention.KeyValueHeads, weights.Block.Attention.Window, weights.Block.ScoreScale, scratch);

    /// <summary>The mixed values.</summary>
    /// <param name="qkv">[tokens, (heads + 2 kvHeads) headSize]; part of the state where q and k have norms, overwritten where not.</param>
    /// <param name="mixed">[tokens, heads headSize]; written.</param>
    /// <param name="step">What the blocks share.</param>
    /// <param name="place">Where the state goes.</param>
    /// <param name="keepsProbabilities">Whether the probabilities are part of it.</param>
    /// <returns>The state.</returns>
    public AttentionState Forward(Tensor qkv, Tensor mixed, StepContext step, TensorStack place, bool keepsProbabilities)
    {
        using DisposeScope scope = NewDisposeScope();
        bool hasNorms = weights.QueryNorm is not null;
        (Tensor query, Tensor key, Tensor value) = Split(qkv); // views of qkv
        (Tensor rotatedQuery, Tensor? queryScale) = Normalise(query, weights.QueryNorm, place);
        (Tensor rotatedKey, Tensor? keyScale) = Normalise(key, weights.KeyNorm, place);

        // In place: without norms these are slices of qkv, which nobody needs unrotated.
        Rotate(rotatedQuery, step, backward: false);
        Rotate(rotatedKey, step, backward: false);

        Tensor heads = mixed.unflatten(1, shape.Heads, shape.HeadDimension); // [tokens, heads, headSize]
        List<DocumentState> documents = [];
        foreach ((int start, int length) in step.Documents)
        {
            documents.Add(attention.Forward(Part(rotatedQuery), Part(rotatedKey), Part(value), Part(heads), place, keepsProbabilities));

            // [length, heads, headSize]; a view, so a document costs no copy here.
            Tensor Part(Tensor all) => all.narrow(0, start, length);
        }

        return new(hasNorms ? qkv : null, queryScale, keyScale, documents);
    }

    /// <summary>The gradient of <see cref="Forward"/>.</summary>
    /// <param name="dMixed">[tokens, heads headSize].</param>
    /// <param name="state">Of the forward pass.</param>
    /// <param name="step">What the blocks share.</param>
    /// <param name="dQkv">[tokens, (heads + 2 kvHeads) headSize]; written.</param>
    public void Backward(Tensor dMixed, AttentionState state, StepContext step, Tensor dQkv)
    {
        (Tensor dQuery, Tensor dKey, Tensor dValue) = Split(dQkv); // views of dQkv, each filled in its place
        Tensor dHeads = dMixed.unflatten(1, shape.Heads, shape.HeadDimension); // [tokens, heads, headSize]
        foreach (((int start, int length), DocumentState document) in step.Documents.Zip(state.Documents))
        {
            attention.Backward(Part(dHeads), document, Part(dQuery), Part(dKey), Part(dValue));

            Tensor Part(Tensor all) => all.narrow(0, start, length);
        }

        // The transpose of a rotation is the rotation back. Values are not rotated, so dValue is done.
        Rotate(dQuery, step, backward: true);
        Rotate(dKey, step, backward: true);
        if (state.Raw is not null)
        {
            (Tensor query, Tensor key, _) = Split(state.Raw);

            // Over the gradient itself: a row is read before it is written.
            kernels.NormBackward(query, weights.QueryNorm!, state.QueryScale!, dQuery, dQuery, accumulate: false);
            kernels.NormBackward(key, weights.KeyNorm!, state.KeyScale!, dKey, dKey, accumulate: false);
        }
    }

    /// <summary>q [tokens, heads, headSize], k and v [tokens, kvHeads, headSize] as slices.</summary>
    private (Tensor Query, Tensor Key, Tensor Value) Split(Tensor qkv)
    {
        long keys = shape.KeyValueHeads;
        Tensor heads = qkv.unflatten(1, shape.Heads + (2 * keys), shape.HeadDimension); // [tokens, heads + 2 kvHeads, headSize]
        return (heads.narrow(1, 0, shape.Heads), heads.narrow(1, shape.Heads, keys), heads.narrow(1, shape.Heads + keys, keys));
    }

    /// <summary>Rotates the first values of each head, as many as there are angles for; nothing in a block without a rotation.</summary>
    private void Rotate(Tensor heads, StepContext step, bool backward)
    {
        if (shape.Rope is null)
        {
            return;
        }

        using Tensor first = heads.narrow(2, 0, 2 * step.Cosine.shape[1]); // [tokens, heads, rotated]
        kernels.Rotate(first, step.Cosine, step.Sine, backward);
    }

    private (Tensor Heads, Tensor? Scale) Normalise(Tensor heads, Tensor? weight, TensorStack place)
    {
        if (weight is null)
        {
            return (heads, null);
        }

        // Scratch is enough for what is normalised: the documents copy it, head by head, to where the state is.
        Tensor normal = scratch.Take(heads.dtype, heads.shape);
        Tensor scale = place.Take(weight.dtype, heads.shape[0] * heads.shape[1]); // [tokens heads]
        kernels.NormForward(heads, weight, weights.Epsilon, normal, scale);
        return (normal, scale);
    }
}
