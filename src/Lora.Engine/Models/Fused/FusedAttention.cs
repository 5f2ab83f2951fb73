using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Attention between the fused qkv product and o_proj: norms of q and k where the family has them, rotation, and the mixing of values.</summary>
internal sealed class FusedAttention(FusedLayerWeights weights, IKernels kernels, TensorStack scratch)
{
    private readonly AttentionShape shape = weights.Block.Attention;
    private readonly IAttention attention = kernels.Attention(weights.Block.Heads, weights.Output.DataType, scratch);

    /// <summary>What mixes the values, and why nothing quicker does; null where there is no choice.</summary>
    public string? Way => attention.Way;

    /// <summary>Whether q, k, v and what was mixed have to stay as they are until the backward pass.</summary>
    public bool KeepsInputs => attention.KeepsInputs;

    /// <summary>Whether the fused qkv product is part of the state: its norms' gradients ask for it, or attention for its slices.</summary>
    public bool KeepsProduct => weights.HeadNorm is not null || attention.KeepsInputs;

    /// <summary>In how many slices its heads can be taken at the most.</summary>
    public int MostSlices => attention.MostSlices;

    /// <summary>In how many they are taken.</summary>
    public int Slices
    {
        set => attention.Slices = value;
    }

    /// <summary>The bytes that attention takes of a batch.</summary>
    public AttentionBytes Bytes(StepShape step) => attention.Bytes(step.Lengths, Math.Min(step.AttentionSlices, attention.MostSlices));

    /// <summary>The mixed values.</summary>
    /// <param name="qkv">[tokens, (heads + 2 kvHeads) headSize]; part of the state (<see cref="KeepsProduct"/>), rotated in place where there are no norms.</param>
    /// <param name="step">What the blocks share.</param>
    /// <param name="place">Where the state goes.</param>
    /// <param name="mixedPlace">Where the result goes.</param>
    /// <param name="keepsProbabilities">Whether the probabilities are part of it.</param>
    /// <returns>[tokens, heads, headSize] and the state.</returns>
    public (Tensor Mixed, FusedAttentionState State) Forward(
        Tensor qkv, StepContext step, TensorStack place, TensorStack mixedPlace, bool keepsProbabilities)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor heads = Heads(qkv); // [tokens, heads + 2 kvHeads, headSize]
        Tensor turned = Turned(heads); // a view
        Tensor? scale = null;
        if (weights.HeadNorm is not null)
        {
            // Where attention makes copies of its own, scratch is enough for what is normalised.
            (turned, scale) = kernels.NormForward(turned, weights.HeadNorm, weights.Epsilon, attention.KeepsInputs ? place : scratch, place);
        }

        // In place: without norms these are slices of qkv, which nobody needs unrotated.
        Rotate(turned, step, backward: false);
        HeadParts parts = Parts(turned, heads, scale is null);
        if (step.OnHeads?.Invoke(parts) is Tensor known)
        {
            return (mixedPlace.Adopt(known), new(null, null, null, new NothingKept()));
        }

        (Tensor mixed, AttentionState state) = attention.Forward(parts, step.Documents, place, mixedPlace, keepsProbabilities);
        return (mixed, new(KeepsProduct ? qkv : null, scale is not null && attention.KeepsInputs ? turned : null, scale, state));
    }

    /// <summary>The gradient of <see cref="Forward"/>.</summary>
    /// <param name="dMixed">[tokens, heads headSize].</param>
    /// <param name="state">Of the forward pass.</param>
    /// <param name="step">What the blocks share.</param>
    /// <param name="dQkv">[tokens, (heads + 2 kvHeads) headSize]; written.</param>
    public void Backward(Tensor dMixed, FusedAttentionState state, StepContext step, Tensor dQkv)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor gradients = Heads(dQkv); // [tokens, heads + 2 kvHeads, headSize], filled in its place
        Tensor turned = Turned(gradients);
        Tensor dHeads = dMixed.unflatten(1, shape.Heads, shape.HeadDimension); // [tokens, heads, headSize]
        HeadParts inputs = attention.KeepsInputs ? Parts(state.Turned ?? Turned(Heads(state.Product!)), Heads(state.Product!), state.Turned is null) : default;
        attention.Backward(dHeads, inputs, state.State, step.Documents, Parts(turned, gradients, isOne: true));

        // The transpose of a rotation is the rotation back. Values are not rotated, so their gradient is done.
        Rotate(turned, step, backward: true);
        if (weights.HeadNorm is not null)
        {
            // Over the gradient itself: a row is read before it is written.
            kernels.NormBackward(Turned(Heads(state.Product!)), weights.HeadNorm, state.Scale!, turned, turned, accumulate: false);
        }
    }

    /// <summary>Of a pass that no backward pass follows.</summary>
    private sealed record NothingKept : AttentionState
    {
        public override IEnumerable<Tensor> Tensors => [];
    }

    private Tensor Heads(Tensor qkv) => qkv.unflatten(1, shape.Heads + (2 * shape.KeyValueHeads), shape.HeadDimension);

    /// <summary>q and k, [tokens, heads + kvHeads, headSize], a view.</summary>
    private Tensor Turned(Tensor heads) => heads.narrow(1, 0, shape.Heads + shape.KeyValueHeads);

    /// <summary>q and k of what was turned, v of the rest; all of it together where one is a view of the other.</summary>
    private HeadParts Parts(Tensor turned, Tensor heads, bool isOne)
    {
        int keys = shape.KeyValueHeads;
        return new(turned.narrow(1, 0, shape.Heads), turned.narrow(1, shape.Heads, keys), heads.narrow(1, shape.Heads + keys, keys)) { All = isOne ? heads : null };
    }

    /// <summary>Rotates the first values of each head, as many as there are angles for; nothing in a block without a rotation.</summary>
    private void Rotate(Tensor heads, StepContext step, bool backward)
    {
        if (shape.Rope is not null)
        {
            using Tensor first = heads.narrow(2, 0, step.Angles.Rotated); // [tokens, heads + kvHeads, rotated]
            kernels.Rotate(first, step.Angles, backward);
        }
    }
}

/// <summary>What the backward pass needs of the forward pass.</summary>
/// <param name="Product">q, k and v as their product gave them, q and k rotated where there are no norms, [tokens, (heads + 2 kvHeads) headSize]; null where nobody asks for it.</param>
/// <param name="Turned">q and k after their norms, rotated, [tokens, heads + kvHeads, headSize]; null without norms, or where attention has copies.</param>
/// <param name="Scale">Of those norms, [tokens (heads + kvHeads)].</param>
/// <param name="State">Attention's own.</param>
internal sealed record FusedAttentionState(Tensor? Product, Tensor? Turned, Tensor? Scale, AttentionState State)
{
    /// <summary>All of it.</summary>
    public IEnumerable<Tensor> Tensors => new[] { Product, Turned, Scale }.OfType<Tensor>().Concat(State.Tensors);
}
