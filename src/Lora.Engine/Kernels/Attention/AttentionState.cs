using static TorchSharp.torch;

namespace Lora.Kernels;

/// <summary>What the backward pass of an attention needs of its forward pass, beside q, k and v where those are kept.</summary>
internal abstract record AttentionState
{
    /// <summary>All of it.</summary>
    public abstract IEnumerable<Tensor> Tensors { get; }
}
