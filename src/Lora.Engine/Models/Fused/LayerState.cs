using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>What the backward pass of a block needs of its forward pass, beside the block's input. Inputs of products without adapters are not kept, nor those that are made again (<see cref="Kept.Products"/>). The tensors are the stack's.</summary>
internal sealed record LayerState
{
    /// <summary>Of the norm of the block's input, [tokens]; null without one.</summary>
    public required Tensor? InputScale { get; init; }

    /// <summary>The input of q, k and v, [tokens, hidden], where it is not the block's own, and its product with their A's.</summary>
    public required Tensor? Normal { get; init; }

    public required Tensor? QueryKeyValueLow { get; init; }

    public required FusedAttentionState Attention { get; init; }

    /// <summary>The input of o_proj, [tokens, heads, headSize], and its product with its A.</summary>
    public required Tensor? Mixed { get; init; }

    public required Tensor? OutputLow { get; init; }

    /// <summary>What attention gave, [tokens, hidden], and its norm's scale; null without a norm behind it.</summary>
    public (Tensor Value, Tensor Scale)? AttentionOutput { get; init; }

    /// <summary>What the MLP gave, likewise.</summary>
    public (Tensor Value, Tensor Scale)? MlpOutput { get; init; }

    /// <summary>The sum of the input and attention, [tokens, hidden], and its norm's scale.</summary>
    public required Tensor Middle { get; init; }

    public required Tensor? MiddleScale { get; init; }

    /// <summary>The input of gate and up, [tokens, hidden], where it is not that sum, and its product with their A's.</summary>
    public required Tensor? MiddleNormal { get; init; }

    public required Tensor? GateUpLow { get; init; }

    /// <summary>gate | up, [tokens, 2 intermediate].</summary>
    public required Tensor GateUp { get; init; }

    /// <summary>The input of down, [tokens, intermediate], and its product with its A.</summary>
    public required Tensor? Active { get; init; }

    public Tensor? DownLow { get; init; }

    /// <summary>Bytes of all of it.</summary>
    public long Size => Tensors().Concat(Attention.Tensors).Sum(tensor => tensor.NumberOfElements * tensor.element_size());

    private IEnumerable<Tensor> Tensors() => new[]
    {
        InputScale, Normal, QueryKeyValueLow, Mixed, OutputLow, Middle, MiddleScale, MiddleNormal, GateUpLow, GateUp, Active, DownLow,
        AttentionOutput?.Value, AttentionOutput?.Scale, MlpOutput?.Value, MlpOutput?.Scale,
    }.OfType<Tensor>();
}
