using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>An operator of libtorch for causal attention within documents that lie end to end.</summary>
internal abstract class AttentionOperator
{
    /// <summary>Its name in libtorch.</summary>
    public abstract string Name { get; }

    /// <summary>Whether k and v need a head for each head of q.</summary>
    public virtual bool NeedsEqualHeads => false;

    /// <summary>Mixes values.</summary>
    /// <returns>[tokens, heads, headSize] and what the backward pass wants besides; the caller's.</returns>
    public abstract (Tensor Mixed, Tensor[] Statistics) Forward(HeadParts heads, AttentionHeads shape, DocumentPlaces documents);

    /// <summary>The gradients of q, k and v, like them; the caller's.</summary>
    public abstract HeadParts Backward(
        Tensor dMixed, HeadParts heads, AttentionHeads shape, DocumentPlaces documents, Tensor mixed, Tensor[] statistics);

    /// <summary>Bytes of what the backward pass wants, for each head.</summary>
    public abstract long StatisticBytes(IReadOnlyList<int> lengths);

    /// <summary>The most bytes that the operator takes in passing, beside its results.</summary>
    /// <param name="lengths">Tokens of each document.</param>
    /// <param name="shape">The heads.</param>
    /// <param name="elementSize">Bytes of a value.</param>
    public virtual long Workspace(IReadOnlyList<int> lengths, AttentionHeads shape, int elementSize) => 0;
}
