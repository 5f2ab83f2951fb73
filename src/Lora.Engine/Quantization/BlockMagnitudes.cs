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
    public long Size => Values.numel() * Values.ElementSize + (Nested is null ? 0 : Nested.Scales.numel() * Nested.Scales.ElementSize);

    /// <summary>The same on another device; these are disposed.</summary>
    public BlockMagnitudes Move(Device device)
    {
        using (this)
        {
            return new(Moved(Values), Nested is null ? null : Nested with { Scales = Moved(Nested.Scales) });
        }

        Tensor Moved(Tensor tensor) => tensor.to(device).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Values.Dispose();
        Nested?.Scales.Dispose();
    }
}

/// <summary>Magnitudes that are quantised in turn: magnitude = map[code] · scale + mean.</summary>
/// <param name="GroupBlocks">Blocks that share a scale.</param>
/// <param name="Map">The 256 values of the codes.</param>
/// <param name="Scales">float32 [blocks / GroupBlocks, rounded up].</param>
/// <param name="Mean">What was taken off the magnitudes before.</param>
internal sealed record NestedMagnitudes(int GroupBlocks, float[] Map, Tensor Scales, float Mean);
