using static TorchSharp.torch;

namespace Lora.Tests;

/// <summary>Counts the tensors that work leaves behind.</summary>
internal static class LiveTensors
{
    /// <summary>Lets the finalizers of what earlier tests left come first.</summary>
    public static void Settle()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    /// <summary>
    /// By how much TorchSharp's count of live tensors grows. The count is exact but for one thing: a tensor that became a Parameter
    /// stays counted for good, though it has no memory. So work that makes parameters is compared with work that makes as many.
    /// </summary>
    public static long Growth(Action work)
    {
        Settle();
        long before = Tensor.TotalCount;
        work();
        return Tensor.TotalCount - before;
    }
}
