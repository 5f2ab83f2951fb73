using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>
/// Rotates pairs of a head's values by an angle that grows with the position (arXiv 2104.09864), in the half-split order of
/// transformers: value k is paired with value k + d/2.
/// </summary>
internal sealed class RotaryEmbedding : IDisposable
{
    private readonly float[] frequencies;
    private Tensor? cosine;
    private Tensor? sine;

    public RotaryEmbedding(RopeParameters parameters, int headDimension) => frequencies = parameters.InverseFrequencies(headDimension);

    /// <summary>The tables for positions 0..tokens-1, cast to the activations' dtype.</summary>
    /// <returns>cos and sin, each [tokens, headDimension], owned by the caller.</returns>
    public (Tensor Cosine, Tensor Sine) Tables(long tokens, Device device, ScalarType dataType)
    {
        if (cosine is null || cosine.shape[0] < tokens || cosine.device_type != device.type)
        {
            Grow(tokens, device);
        }

        return (cosine!.narrow(0, 0, tokens).to(dataType), sine!.narrow(0, 0, tokens).to(dataType));
    }

    /// <summary>x cos + rotate_half(x) sin.</summary>
    /// <param name="heads">[batch, heads, tokens, headDimension].</param>
    /// <param name="tables">From <see cref="Tables"/>.</param>
    public static Tensor Rotate(Tensor heads, (Tensor Cosine, Tensor Sine) tables)
    {
        Tensor[] halves = heads.chunk(2, -1);
        Tensor rotated = cat([halves[1].neg(), halves[0]], -1);
        return (heads * tables.Cosine).Plus(rotated * tables.Sine);
    }

    public void Dispose()
    {
        cosine?.Dispose();
        sine?.Dispose();
    }

    private void Grow(long tokens, Device device)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor positions = Arithmetic.Range(0, tokens, ScalarType.Float32, device);
        Tensor speeds = tensor(frequencies, dtype: ScalarType.Float32, device: device);
        Tensor angles = outer(positions, speeds); // [tokens, headDimension / 2]
        Tensor both = cat([angles, angles], -1);
        Dispose();
        cosine = both.cos().DetachFromDisposeScope();
        sine = both.sin().DetachFromDisposeScope();
    }
}
