using Lora.Kernels;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>What the backward pass of a block needs of its forward pass, beside the block's input. Inputs of products without adapters are not kept, nor those that are made again (<see cref="Kept.Products"/>). The tensors are the stack's.</summary>
internal sealed record LayerState
{
    /// <summary>Of the norm of the block's input; null without one.</summary>
    public required NormState? InputNorm { get; init; }

    /// <summary>The input of q, k and v, [tokens, hidden], where it is not the block's own, and what their product keeps; that of gate and up too where they see it through the same norm.</summary>
    public required Tensor? Normal { get; init; }

    public required ProductState? QueryKeyValueState { get; init; }

    public required FusedAttentionState Attention { get; init; }

    /// <summary>The input of o_proj, [tokens, heads, headSize], and what its product keeps.</summary>
    public required Tensor? Mixed { get; init; }

    public required ProductState? OutputState { get; init; }

    /// <summary>What attention gave, [tokens, hidden], and of its norm; null without a norm behind it.</summary>
    public (Tensor Value, NormState State)? AttentionOutput { get; init; }

    /// <summary>What the MLP gave, likewise.</summary>
    public (Tensor Value, NormState State)? MlpOutput { get; init; }

    /// <summary>The sum of the input and attention, [tokens, hidden]; null where the MLP does not see it.</summary>
    public required Tensor? Middle { get; init; }

    /// <summary>Of the norm of what the MLP sees; null without one of its own.</summary>
    public required NormState? MiddleNorm { get; init; }

    /// <summary>The input of gate and up, [tokens, hidden], where it is not one that is there already, and what their product keeps.</summary>
    public required Tensor? MiddleNormal { get; init; }

    public required ProductState? GateUpState { get; init; }

    /// <summary>gate | up, [tokens, 2 intermediate], or up alone; null where it is made again of what their product gave.</summary>
    public required Tensor? GateUp { get; init; }

    /// <summary>The input of down, [tokens, intermediate], and what its product keeps.</summary>
    public required Tensor? Active { get; init; }

    public ProductState? DownState { get; init; }

    /// <summary>Bytes of all of it.</summary>
    public long Size => Tensors().Concat(Products.SelectMany(product => product.Tensors)).Concat(Attention.Tensors).Sum(tensor => tensor.NumberOfElements * tensor.element_size());

    private IEnumerable<ProductState> Products => new[] { QueryKeyValueState, OutputState, GateUpState, DownState }.OfType<ProductState>();

    private IEnumerable<Tensor> Tensors() => new[]
    {
        Normal, Mixed, Middle, MiddleNormal, GateUp, Active, AttentionOutput?.Value, MlpOutput?.Value,
    }.OfType<Tensor>().Concat(new[] { InputNorm, MiddleNorm, AttentionOutput?.State, MlpOutput?.State }.OfType<NormState>().SelectMany(norm => norm.Tensors));
}

/// <summary>What the backward pass of a product needs of its forward pass, beside its input. The tensors are the stack's.</summary>
/// <param name="Low">s x Aᵀ, [tokens, rank].</param>
/// <param name="Unscaled">x Wᵀ + s (x Aᵀ) Bᵀ where magnitudes scale it, [tokens, all outputs]; null elsewhere.</param>
internal sealed record ProductState(Tensor Low, Tensor? Unscaled)
{
    /// <summary>All of it.</summary>
    public IEnumerable<Tensor> Tensors => new[] { Low, Unscaled }.OfType<Tensor>();
}
