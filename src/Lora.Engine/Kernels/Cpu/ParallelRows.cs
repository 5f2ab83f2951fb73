using System.Runtime.InteropServices;
using Lora.Native;

namespace Lora.Kernels;

/// <summary>Shares rows out over libtorch's own threads: a second pool would fight with it for the cores.</summary>
internal static unsafe class ParallelRows
{
    /// <summary>Calls the body with ranges that cover all rows. The body must not throw: it is called from native code.</summary>
    /// <param name="rows">How many.</param>
    /// <param name="work">Values in a row; small work stays on this thread.</param>
    /// <param name="body">Begin and end of a range.</param>
    public static void For(long rows, long work, Action<long, long> body)
    {
        const long SmallestWork = 16384;

        // Native code holds the closure by a number, which a collection does not see.
        GCHandle handle = GCHandle.Alloc(body);
        try
        {
            // Below so many values a thread takes longer to wake than to work.
            long grain = Math.Max(1, SmallestWork / Math.Max(1, work));
            Dispatcher.Check(TorchShim.ParallelFor(0, rows, grain, &Call, (void*)GCHandle.ToIntPtr(handle)), nameof(TorchShim.ParallelFor));
        }
        finally
        {
            handle.Free();
        }
    }

    [UnmanagedCallersOnly]
    private static void Call(long begin, long end, void* context) => ((Action<long, long>)GCHandle.FromIntPtr((nint)context).Target!)(begin, end);
}
