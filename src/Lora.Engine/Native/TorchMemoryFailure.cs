using System.Runtime.InteropServices;

namespace Lora.Native;

/// <summary>Tells torch's lack of memory from its other failures, which TorchSharp throws as exceptions of one type.</summary>
internal static class TorchMemoryFailure
{
    // As c10/cuda/CUDACachingAllocator.cpp, CUDAMallocAsyncAllocator.cpp beside it, CUDA itself, cuBLAS, and c10/core/impl/alloc_cpu.cpp on Windows and elsewhere say it.
    private static readonly string[] Texts =
    [
        "CUDA out of memory", "would exceed allowed memory. (out of memory)", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "DefaultCPUAllocator: not enough memory", "DefaultCPUAllocator: can't allocate memory",
    ];

    // The share of a GPU's memory below which what is free is no room for an operator's results.
    private const double Full = 0.1;

    /// <inheritdoc cref="Named{T}(Func{T})"/>
    public static void Named(Action work) => Named(() =>
    {
        work();
        return true;
    });

    /// <summary>Does work of which torch's lack of memory is named.</summary>
    /// <exception cref="LoraException">OutOfMemory.</exception>
    public static T Named<T>(Func<T> work) => Named(work, IsCardFull);

    /// <summary>The same, with what tells whether a GPU has next to no memory left.</summary>
    internal static T Named<T>(Func<T> work, Func<bool> isFull)
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
        catch (OperatorFailedException exception) when (isFull())
        {
            // Operators called by name do not say why they failed. Shapes were checked before, and where a GPU is full there is one reason left.
            throw LoraException.From(exception, LoraError.OutOfMemory, null, exception.Message);
        }
    }

    private static bool IsCardFull()
    {
        for (int index = 0; NvidiaManagement.Memory(index) is (long used, long free); index++)
        {
            if (free < Full * (used + free))
            {
                return true;
            }
        }

        return false;
    }
}
