using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>A and B both Kaiming-uniform (PEFT's <c>False</c>): the start is not the base model; for tests of what an adapter does.</summary>
internal sealed class RandomProductInitialization : LoraInitialization
{
    /// <inheritdoc/>
    public override void Fill(Tensor down, Tensor up, Func<Tensor> weight, double scaling, Generator generator)
    {
        FillKaiming(down, generator);
        FillKaiming(up, generator);
    }

    /// <inheritdoc/>
    public override void FillEmbedding(Tensor down, Tensor up, Generator generator)
    {
        SeededDraws.Normal(down, 1, generator);
        SeededDraws.Normal(up, 1, generator);
    }
}
