using Lora.Kernels;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>cos and sin of the angles of one set of frequencies, for as many positions as were asked for yet.</summary>
/// <param name="frequencies">Radians per position.</param>
/// <param name="factor">What cos and sin are multiplied by.</param>
internal sealed class RotaryTable(float[] frequencies, double factor) : IDisposable
{
    private Tensor? cosine;
    private Tensor? sine;
    private Tensor? joined;

    /// <summary>Positions 0..tokens-1, cast to the activations' dtype.</summary>
    /// <returns>cos and sin, each [tokens, 2 frequencies]: every angle is there twice, in two halves. Owned by the caller.</returns>
    public (Tensor Cosine, Tensor Sine) Of(long tokens, Device device, ScalarType dataType)
    {
        if (cosine is null || cosine.shape[0] < tokens || cosine.device_type != device.type)
        {
            Grow(tokens, device);
        }

        // Angles are taken in float32 and rounded last: position 257 is no number of bfloat16.
        return (cosine!.narrow(0, 0, tokens).to(dataType), sine!.narrow(0, 0, tokens).to(dataType));
    }

    /// <summary>Positions 0..tokens-1 and more as <see cref="RotationAngles"/> has them, [positions, 4 frequencies], float32; not the caller's.</summary>
    public Tensor Joined(long tokens, Device device)
    {
        if (joined is null || joined.shape[0] < tokens || joined.device_type != device.type)
        {
            Grow(tokens, device);
        }

        return joined!;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        cosine?.Dispose();
        sine?.Dispose();
        joined?.Dispose();
    }

    private void Grow(long tokens, Device device)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor positions = Arithmetic.Range(0, tokens, ScalarType.Float32, device); // [tokens]
        Tensor speeds = DeviceIndex.Of(frequencies, [frequencies.Length], device); // [rotated/2]
        Tensor angles = outer(positions, speeds); // [tokens, frequencies]
        Tensor both = cat([angles, angles], -1); // [tokens, rotated]
        Dispose();

        // The factor, 1 but for LongRoPE, is on both tables, so that scores have its square.
        cosine = both.cos().Multiply(factor).DetachFromDisposeScope();
        sine = both.sin().Multiply(factor).DetachFromDisposeScope();
        joined = RotationAngles.Of(cosine.narrow(1, 0, frequencies.Length), sine.narrow(1, 0, frequencies.Length)).Table.DetachFromDisposeScope();
    }
}
