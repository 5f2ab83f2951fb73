using System.Runtime.InteropServices;

namespace Lora.Native;

/// <summary>Tells torch's lack of memory from its other failures, which TorchSharp throws as exceptions of one type.</summary>
internal static class TorchMemoryFailure
{
    // As c10/cuda/CUDACachingAllocator.cpp, CUDA itself, cuBLAS, and c10/core/impl/alloc_cpu.cpp on Windows and elsewhere say it.
    private static readonly string[] Texts =
    [
        "CUDA out of memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "DefaultCPUAllocator: not enough memory", "DefaultCPUAllocator: can't allocate memory",
    ];

    /// <inheritdoc cref="Named{T}"/>
    public static void Named(Action work) => Named(() =>
    {
        work();
        return true;
    });

    /// <summary>Does work of which torch's lack of memory is named.</summary>
    /// <exception cref="LoraException">OutOfMemory.</exception>
    public static T Named<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (ExternalException exception) when (Texts.Any(text => exception.Message.Contains(text, StringComparison.Ordinal)))
        {
            // Below the first line is where in torch it was.
            throw LoraException.From(exception, LoraError.OutOfMemory, null, exception.Message.Split('\n')[0].Trim());
        }
    }
}
