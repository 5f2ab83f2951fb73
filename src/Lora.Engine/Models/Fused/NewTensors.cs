using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Tensors with memory of their own, which ends with their scope.</summary>
internal sealed class NewTensors(Device device) : ITensorPlace
{
    /// <inheritdoc/>
    public Tensor Take(ScalarType type, params long[] shape) => empty(shape, dtype: type, device: device);

    /// <inheritdoc/>
    public Tensor Adopt(Tensor made) => made;
}
