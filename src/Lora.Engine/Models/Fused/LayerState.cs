using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>What the backward pass of a block needs of its forward pass, beside the block's input. Inputs of products without adapters are not kept, nor those that are made again (<see cref="Kept.Products"/>). The tensors are the stack's.</summary>
internal sealed record LayerState
{
    /// <summary>Of the norm of the block's input, [tokens]; null without one.</summary>
    public required Tensor? InputScale { get; init; }

    /// <summary>The input of q, k and v, [tokens, hidden], where it is not the block's own, and what their product keeps.</summary>
    public required Tensor? Normal { get; init; }

    public required ProductState? QueryKeyValueState { get; init; }

    public required FusedAttentionState Attention { get; init; }

    /// <summary>The input of o_proj, [tokens, heads, headSize], and what its product keeps.</summary>
    public required Tensor? Mixed { get; init; }

    public required ProductState? OutputState { get; init; }

    /// <summary>What attention gave, [tokens, hidden], and its norm's scale; null without a norm behind it.</summary>
    public (Tensor Value, Tensor Scale)? AttentionOutput { get; init; }

    /// <summary>What the MLP gave, likewise.</summary>
    public (Tensor Value, Tensor Scale)? MlpOutput { get; init; }

    /// <summary>The sum of the input and attention, [tokens, hidden], and its norm's scale.</summary>
    public required Tensor Middle { get; init; }

    public required Tensor? MiddleScale { get; init; }

    /// <summary>The input of gate and up, [tokens, hidden], where it is not that sum, and what their product keeps.</summary>
    public required Tensor? MiddleNormal { get; init; }

    public required ProductState? GateUpState { get; init; }

    /// <summary>gate | up, [tokens, 2 intermediate]; null where it is made again of what their product gave.</summary>
    public required Tensor? GateUp { get; init; }

    /// <summary>The input of down, [tokens, intermediate], and what its product keeps.</summary>
    public required Tensor? Active { get; init; }

    public ProductState? DownState { get; init; }

    /// <summary>Bytes of all of it.</summary>
    public long Size => Tensors().Concat(Products.SelectMany(product => product.Tensors)).Concat(Attention.Tensors).Sum(tensor => tensor.NumberOfElements * tensor.element_size());

    private IEnumerable<ProductState> Products => new[] { QueryKeyValueState, OutputState, GateUpState, DownState }.OfType<ProductState>();

    private IEnumerable<Tensor> Tensors() => new[]
    {
        InputScale, Normal, Mixed, Middle, MiddleScale, MiddleNormal, GateUp, Active,
        AttentionOutput?.Value, AttentionOutput?.Scale, MlpOutput?.Value, MlpOutput?.Scale,
    }.OfType<Tensor>();
}

/// <summary>What the backward pass of a product needs of its forward pass, beside its input. The tensors are the stack's.</summary>
/// <param name="Low">s x Aᵀ, [tokens, rank].</param>
/// <param name="Unscaled">x Wᵀ + s (x Aᵀ) Bᵀ where magnitudes scale it, [tokens, all outputs]; null elsewhere.</param>
internal sealed record ProductState(Tensor Low, Tensor? Unscaled)
{
    /// <summary>All of it.</summary>
    public IEnumerable<Tensor> Tensors => new[] { Low, Unscaled }.OfType<Tensor>();
}
