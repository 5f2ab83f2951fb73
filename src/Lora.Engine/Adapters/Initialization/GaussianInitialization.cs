using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>A normal with standard deviation 1/rank, B zero.</summary>
internal sealed class GaussianInitialization : LoraInitialization
{
    /// <inheritdoc/>
    public override void Fill(Tensor down, Tensor up, Func<Tensor> weight, double scaling, Generator generator)
    {
        SeededDraws.Normal(down, 1.0 / down.shape[0], generator);
        up.zero_();
    }
}
