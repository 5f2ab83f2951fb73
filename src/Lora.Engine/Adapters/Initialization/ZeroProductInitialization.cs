using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>A Kaiming-uniform, B zero (PEFT's <c>True</c>).</summary>
internal sealed class ZeroProductInitialization : LoraInitialization
{
    /// <inheritdoc/>
    public override void Fill(Tensor down, Tensor up, Func<Tensor> weight, double scaling, Generator generator)
    {
        FillKaiming(down, generator);
        up.zero_();
    }
}
