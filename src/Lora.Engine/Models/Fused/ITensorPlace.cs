using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Where tensors get their memory.</summary>
internal interface ITensorPlace
{
    /// <summary>A tensor whose values are not set.</summary>
    Tensor Take(ScalarType type, params long[] shape);

    /// <summary>A tensor that an operator made, in this place; the tensor itself is the caller's no longer.</summary>
    Tensor Adopt(Tensor made);
}
