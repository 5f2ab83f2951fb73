using Lora.Quantization;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Where the weights of a model's blocks come from: a checkpoint, a random draw, or nowhere (META) to learn what is needed.</summary>
internal interface IWeightSource
{
    /// <summary>Gives the tensor of that name, on the model's device and in the model's dtype; the caller owns it.</summary>
    /// <param name="name">The checkpoint's name, for example <c>model.layers.0.self_attn.q_proj.weight</c>.</param>
    /// <param name="shape">The shape that the configuration asks for.</param>
    Tensor Take(string name, params ReadOnlySpan<long> shape);

    /// <summary>Gives a matrix in 4 bits, which the caller owns; null where it is held as <see cref="Take"/> gives it.</summary>
    /// <inheritdoc cref="Take"/>
    FourBitMatrix? TakeQuantized(string name, params ReadOnlySpan<long> shape) => null;

    /// <summary>Whether the source has a tensor of that name.</summary>
    bool Has(string name);
}
