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
    public bool KeepsProduct => weights.HeadNorms.Count > 0 || attention.KeepsInputs;

    /// <summary>Whether what was mixed is part of its state, whichever place it was to go to.</summary>
    public bool KeepsMixed => attention.KeepsMixed;

    /// <summary>The heads whose documents it lays into rows; null where it does not.</summary>
    public AttentionHeads? Laid => attention.Laid;

    /// <summary>In how many slices its heads can be taken at the most.</summary>
    public int MostSlices => attention.MostSlices;

    /// <summary>In how many they are taken.</summary>
    public int Slices
    {
        set => attention.Slices = value;
    }

    /// <summary>
    /// Whether tokens that stand behind others are mixed by the formula: where scores are capped, which no kernel does, and where
    /// attention is plain products because no kernel serves the heads.
    /// </summary>
    public bool MixesPastByFormula => attention.Laid is not null || weights.Block.Heads.Cap is not null;

    /// <summary>The bytes that attention takes of a batch.</summary>
    public AttentionBytes Bytes(StepShape step)
    {
        int slices = Math.Min(step.AttentionSlices, attention.MostSlices);
        return step.Before == 0 ? attention.Bytes(step.Lengths, slices)
            : PastAttention.Bytes(step.Before, step.Tokens, weights.Block.Heads, weights.Output.DataType.ElementSize(), MixesPastByFormula, slices);
    }

    /// <summary>q, k and v of what attention sees, in its order.</summary>
    /// <param name="product">Their layers.</param>
    /// <param name="x">[tokens, hidden].</param>
    /// <param name="place">Where the state goes.</param>
    /// <returns>[tokens, (heads + 2 kvHeads) headSize], and what the product keeps.</returns>
    public (Tensor Heads, ProductState? State) Project(AdaptedProduct product, Tensor x, TensorStack place)
    {
        Tensor qkv = (KeepsProduct ? place : scratch).Take(x.dtype, x.shape[0], weights.QueryKeyValue.Shape[0]);
        Tensor outputs = weights.Order is null ? qkv : scratch.Take(qkv.dtype, qkv.shape);
        ProductState? state = product.Forward(x, outputs, place);
        weights.Order?.FromLayer(outputs, qkv);
        return (qkv, state);
    }

    /// <summary>The gradient at what <see cref="Project"/> gave, as the layers have their outputs.</summary>
    public Tensor ToLayer(Tensor dQkv)
    {
        if (weights.Order is null)
        {
            return dQkv;
        }

        Tensor outputs = scratch.Take(dQkv.dtype, dQkv.shape);
        weights.Order.ToLayer(dQkv, outputs);
        return outputs;
    }

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
        List<Tensor> normal = [];
        List<NormState> norms = [];
        foreach (HeadNorm norm in weights.HeadNorms)
        {
            // Where attention makes copies of its own, scratch is enough for what is normalised.
            (Tensor rows, NormState found) = kernels.NormForward(norm.Of(heads), norm.Weight, weights.Epsilon, attention.KeepsInputs ? place : scratch, place);
            normal.Add(rows);
            norms.Add(found);
        }

        // In place: without norms these are slices of qkv, which nobody needs unrotated.
        foreach (Tensor turned in normal.Count == 0 ? [Turned(heads)] : normal.Select(InHeads))
        {
            Rotate(turned, step, backward: false);
        }

        HeadParts parts = Parts(normal, heads);
        if (step.OnHeads?.Invoke(parts) is Tensor known)
        {
            return (mixedPlace.Adopt(known), new(null, [], [], new NothingKept()));
        }

        (Tensor mixed, AttentionState state) = attention.Forward(parts, step.Documents, place, mixedPlace, keepsProbabilities);
        return (mixed, new(KeepsProduct ? qkv : null, attention.KeepsInputs ? normal : [], norms, state));
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
        HeadParts inputs = attention.KeepsInputs ? Parts(state.Normal, Heads(state.Product!)) : default;
        attention.Backward(dHeads, inputs, state.State, step.Documents, Parts([], gradients));

        // The transpose of a rotation is the rotation back. Values are not rotated, so their gradient is done.
        Rotate(turned, step, backward: true);
        foreach ((HeadNorm norm, NormState found) in weights.HeadNorms.Zip(state.Norms))
        {
            // Over the gradient itself: a row is read before it is written.
            Tensor rows = norm.Of(gradients);
            kernels.NormBackward(norm.Of(Heads(state.Product!)), norm.Weight, found, rows, rows, accumulate: false);
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

    /// <summary>What a norm gave, [tokens, heads, headSize], a view.</summary>
    private Tensor InHeads(Tensor rows) => rows.view(rows.shape[0], -1, shape.HeadDimension);

    /// <summary>q and k of what norms gave, v of the product; all of the product where there are none.</summary>
    /// <param name="normal">q and k, from one norm or from two; none for those of the product.</param>
    /// <param name="product">[tokens, heads + 2 kvHeads, headSize].</param>
    private HeadParts Parts(IReadOnlyList<Tensor> normal, Tensor product)
    {
        int keys = shape.KeyValueHeads;
        Tensor value = product.narrow(1, shape.Heads + keys, keys);
        if (normal is [Tensor query, Tensor key])
        {
            return new(InHeads(query), InHeads(key), value);
        }

        Tensor both = normal.Count == 0 ? product : InHeads(normal[0]);
        return new(both.narrow(1, 0, shape.Heads), both.narrow(1, shape.Heads, keys), value) { All = normal.Count == 0 ? product : null };
    }

    /// <summary>Rotates the first values of each head, as many as there are angles for; nothing in a block without a rotation.</summary>
    private void Rotate(Tensor heads, StepContext step, bool backward)
    {
        if (weights.Block.Rotation is int rotation)
        {
            RotationAngles angles = step.Angles[rotation];
            using Tensor first = heads.narrow(2, 0, angles.Rotated); // [tokens, heads + kvHeads, rotated]
            kernels.Rotate(first, angles, backward);
        }
    }
}

/// <summary>What the backward pass needs of the forward pass.</summary>
/// <param name="Product">q, k and v as their product gave them, q and k rotated where there are no norms, [tokens, (heads + 2 kvHeads) headSize]; null where nobody asks for it.</param>
/// <param name="Normal">q and k after their norms, rotated, as each norm gave them; none without norms, or where attention has copies.</param>
/// <param name="Norms">Of each norm.</param>
/// <param name="State">Attention's own.</param>
internal sealed record FusedAttentionState(Tensor? Product, IReadOnlyList<Tensor> Normal, IReadOnlyList<NormState> Norms, AttentionState State)
{
    /// <summary>All of it.</summary>
    public IEnumerable<Tensor> Tensors => [.. new[] { Product }.OfType<Tensor>(), .. Normal, .. Norms.SelectMany(norm => norm.Tensors), .. State.Tensors];
}
