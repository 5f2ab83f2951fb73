using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// Sets each value to zero with a probability and scales the others by 1/(1-p). It draws from the run's own generator, so that a
/// run repeats from its seed and leaves the process's generator alone.
/// </summary>
internal sealed class Dropout(double probability, Generator generator)
{
    /// <summary>Whether values are dropped; off while evaluating.</summary>
    public bool IsTraining { get; set; }

    /// <summary>Whether values are being dropped.</summary>
    public bool IsActive => IsTraining && probability > 0;

    /// <summary>The probability.</summary>
    public double Probability => probability;

    /// <summary>Draws what one batch's dropout of one layer hangs on, where it is drawn outside autograd; null when nothing is dropped.</summary>
    public ulong? DrawSeed()
    {
        if (!IsActive)
        {
            return null;
        }

        // A number in place of a mask: the fused step makes the mask from it in both passes and keeps none.
        using Tensor drawn = randint(0, long.MaxValue, [1], dtype: ScalarType.Int64, device: generator.device, generator: generator);
        return (ulong)drawn.item<long>();
    }

    /// <summary>Applies the dropout; the input itself when nothing is dropped.</summary>
    public Tensor Apply(Tensor input)
    {
        if (!IsActive)
        {
            // The same tensor: without dropout there is nothing to pay for.
            return input;
        }

        // From the run's own generator, whose state is saved: a resumed run drops the same.
        Tensor kept = rand(input.shape, dtype: input.dtype, device: input.device, generator: generator).IsAtLeast(probability);
        return input * kept.to(input.dtype).Multiply(1 / (1 - probability));
    }
}
