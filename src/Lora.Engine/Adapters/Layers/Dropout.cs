using System.Runtime.InteropServices;
using Lora.Data;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// Sets each value to zero with a probability and scales the others by 1/(1-p). It draws from the run's own generator, so that a
/// run repeats from its seed and leaves the process's generator alone.
/// </summary>
internal sealed class Dropout(double probability, Generator generator)
{
    // CUDA's generator goes on by multiples of four; an odd number spreads its places over all bits.
    private const ulong CudaStride = 4;
    private const ulong Spread = 0xD1B54A32D192ED03;

    private ulong others;

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
        if (generator.device.type != DeviceType.CPU)
        {
            return DrawBeside();
        }

        using Tensor drawn = randint(0, long.MaxValue, [1], dtype: ScalarType.Int64, device: generator.device, generator: generator);
        return (ulong)drawn.item<long>();
    }

    /// <summary>A number drawn without the device, whose own would have to be waited for.</summary>
    private ulong DrawBeside()
    {
        using Tensor state = generator.get_state(); // of CUDA's generator its seed and how far it is, 8 bytes each, in the processor's memory
        byte[] bytes = state.bytes.ToArray();
        if (bytes.Length != 2 * sizeof(ulong))
        {
            return ++others; // META, where nothing is drawn
        }

        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes.AsSpan());
        ulong number = new SplitMix64(words[0] ^ (words[1] * Spread)).Next();
        words[1] += CudaStride;
        using Tensor next = tensor(bytes, dtype: ScalarType.Byte, device: CPU);
        generator.set_state(next);
        return number;
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
