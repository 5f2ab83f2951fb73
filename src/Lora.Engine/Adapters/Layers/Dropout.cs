using System.Buffers.Binary;
using Lora.Data;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// Sets each value to zero with a probability and scales the others by 1/(1-p). It draws from the run's own generator, so that a
/// run repeats from its seed and leaves the process's generator alone. On a GPU, of which there is no generator to be had, it draws seeds itself.
/// </summary>
/// <param name="probability">p.</param>
/// <param name="generator">The run's own, a processor's.</param>
/// <param name="seed">What draws for another device begin with; null on a processor.</param>
internal sealed class Dropout(double probability, Generator generator, ulong? seed)
{
    // An odd number goes through all others before it comes again.
    private const ulong Stride = 0xD1B54A32D192ED03;

    // Of seeds that follow each other, far apart: runs must not have each other's draws.
    private ulong? next = seed is ulong first ? new SplitMix64(first).Next() : null;

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
        if (next is ulong present)
        {
            next = unchecked(present + Stride);
            return new SplitMix64(present).Next();
        }

        using Tensor drawn = randint(0, long.MaxValue, [1], dtype: ScalarType.Int64, device: CPU, generator: generator);
        return (ulong)drawn.item<long>();
    }

    /// <summary>Notes in the generator's state, where its seed stands, which nothing asks it for, what is drawn from next without it.</summary>
    /// <param name="state">Its first bytes are written; not on a processor.</param>
    public void WriteNext(Span<byte> state)
    {
        if (next is ulong present)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(state, present);
        }
    }

    /// <summary>Goes on from what <see cref="WriteNext"/> noted.</summary>
    public void ReadNext(ReadOnlySpan<byte> state) => next = next is null ? null : BinaryPrimitives.ReadUInt64LittleEndian(state);

    /// <summary>Applies the dropout; the input itself when nothing is dropped.</summary>
    public Tensor Apply(Tensor input)
    {
        if (!IsActive)
        {
            // The same tensor: without dropout there is nothing to pay for.
            return input;
        }

        // From the run's own numbers, which are saved: a resumed run drops the same.
        Tensor kept = next is null
            ? rand(input.shape, dtype: input.dtype, device: input.device, generator: generator).IsAtLeast(probability).to(input.dtype)
            : SeededDraws.Ones(empty(input.shape, dtype: input.dtype, device: input.device), 1 - probability, DrawSeed()!.Value);
        return input * kept.Multiply(1 / (1 - probability));
    }
}
