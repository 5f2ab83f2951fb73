using System.Runtime.InteropServices;

namespace Lora.Models;

/// <summary>float32 values in memory that no collection moves, at the beginning of a cache line.</summary>
/// <param name="count">How many; what they are is not said.</param>
internal sealed unsafe class FloatMemory(long count) : IDisposable
{
    private const int Alignment = 64;

    /// <summary>The first value.</summary>
    public float* First { get; private set; } = (float*)NativeMemory.AlignedAlloc((nuint)Math.Max(count, 1) * sizeof(float), Alignment);

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(First);
        First = null;
    }
}
