using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>cos and sin of the angles of all places that texts have yet.</summary>
/// <param name="rotation">The rotation.</param>
internal sealed unsafe class PlaceAngles(RotaryEmbedding rotation) : IDisposable
{
    private (Tensor Cosine, Tensor Sine)? tables;
    private float* cosine;
    private float* sine;
    private long width;

    /// <summary>Angles of a place: half as many as values are rotated.</summary>
    public int Count => (int)width / 2;

    /// <summary>The cosines of a place.</summary>
    public float* Cosine(int place) => cosine + (place * width);

    /// <summary>The sines of a place.</summary>
    public float* Sine(int place) => sine + (place * width);

    /// <summary>Makes the angles of so many places.</summary>
    public void Reserve(int places)
    {
        if (places <= tables?.Cosine.shape[0])
        {
            return;
        }

        Forget();
        using DisposeScope scope = NewDisposeScope();
        (Tensor cos, Tensor sin) = rotation.Tables(places, CPU, ScalarType.Float32); // each [places, rotated], every angle twice
        tables = (cos.DetachFromDisposeScope(), sin.DetachFromDisposeScope());
        cosine = (float*)TensorMemory.Address(cos);
        sine = (float*)TensorMemory.Address(sin);
        width = cos.shape[1];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Forget();
        rotation.Dispose();
    }

    private void Forget()
    {
        tables?.Cosine.Dispose();
        tables?.Sine.Dispose();
    }
}
