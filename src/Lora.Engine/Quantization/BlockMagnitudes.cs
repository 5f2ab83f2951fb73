using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Quantization;

/// <summary>The largest magnitude of each block of a 4-bit matrix: float32, or quantised in turn (<see cref="Nested"/>).</summary>
/// <param name="Values">float32 [blocks], or the uint8 codes of nested ones in whole groups; what is behind the last block does not matter.</param>
/// <param name="Nested">How codes become magnitudes; null where they are magnitudes.</param>
internal sealed record BlockMagnitudes(Tensor Values, NestedMagnitudes? Nested) : IDisposable
{
    /// <summary>Where they are among those of several matrices that are taken at once; null where they are taken alone.</summary>
    public MagnitudePlace? Place { get; init; }

    /// <summary>The bytes that they take.</summary>
    public long Size => Values.numel() * Values.ElementSize + (Nested is null ? 0 : 2 * Nested.Scales.numel() * Nested.Scales.ElementSize);

    /// <summary>Whether they are quantised as others are.</summary>
    public bool AreNestedAs(BlockMagnitudes other) =>
        Nested is not null && other.Nested is not null && Nested.GroupBlocks == other.Nested.GroupBlocks && Nested.Map.AsSpan().SequenceEqual(other.Nested.Map);

    /// <summary>The same on another device; these are disposed.</summary>
    public BlockMagnitudes Move(Device device)
    {
        using (this)
        {
            return new(Moved(Values), Nested is null ? null : Nested with { Scales = Moved(Nested.Scales), Means = Moved(Nested.Means) });
        }

        Tensor Moved(Tensor tensor) => tensor.to(device).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Values.Dispose();
        Nested?.Scales.Dispose();
        Nested?.Means.Dispose();
    }
}

/// <summary>A matrix's magnitudes among those of several, each of which begins with a group of its own.</summary>
/// <param name="Whole">Those of all.</param>
/// <param name="First">Where this matrix's begin.</param>
internal sealed record MagnitudePlace(BlockMagnitudes Whole, long First);

/// <summary>Magnitudes that are quantised in turn: magnitude = map[code] · scale + mean.</summary>
/// <param name="GroupBlocks">Blocks that share a scale.</param>
/// <param name="Map">The 256 values of the codes.</param>
/// <param name="Scales">float32 [blocks / GroupBlocks, rounded up].</param>
/// <param name="Means">Like the scales: what was taken off the magnitudes before, one number for all groups of a matrix.</param>
internal sealed record NestedMagnitudes(int GroupBlocks, float[] Map, Tensor Scales, Tensor Means)
{
    /// <summary>Those of one matrix.</summary>
    /// <param name="groupBlocks">Blocks that share a scale.</param>
    /// <param name="map">The 256 values of the codes.</param>
    /// <param name="scales">float32 [groups]; owned from now on.</param>
    /// <param name="mean">What was taken off the magnitudes before.</param>
    public static NestedMagnitudes Of(int groupBlocks, float[] map, Tensor scales, float mean) =>
        new(groupBlocks, map, scales, Arithmetic.Full(scales.shape, mean, scales.dtype, scales.device).DetachFromDisposeScope());
}
