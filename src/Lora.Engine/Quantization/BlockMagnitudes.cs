using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Quantization;

/// <summary>The largest magnitude of each block of a 4-bit matrix: float32, or quantised in turn (<see cref="Nested"/>).</summary>
/// <param name="Values">[blocks]: float32, or the uint8 codes of nested ones.</param>
/// <param name="Nested">How codes become magnitudes; null where they are magnitudes.</param>
internal sealed record BlockMagnitudes(Tensor Values, NestedMagnitudes? Nested) : IDisposable
{
    /// <summary>How many blocks there are.</summary>
    public long Blocks => Values.numel();

    /// <summary>The bytes that they take.</summary>
    public long Size => Values.numel() * Values.ElementSize + (Nested is null ? 0 : 2 * Nested.Scales.numel() * Nested.Scales.ElementSize);

    /// <summary>Whether they have the form of others, and their groups are whole.</summary>
    public bool Continues(BlockMagnitudes other) => (Nested, other.Nested) switch
    {
        (null, null) => true,
        (NestedMagnitudes mine, NestedMagnitudes its) =>
            mine.GroupBlocks == its.GroupBlocks && Blocks % mine.GroupBlocks == 0 && mine.Map.AsSpan().SequenceEqual(its.Map),
        _ => false,
    };

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
