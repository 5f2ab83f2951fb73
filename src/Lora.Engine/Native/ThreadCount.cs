using static TorchSharp.torch;

namespace Lora.Native;

/// <summary>
/// How many threads compute for this one. libtorch keeps the number with each thread, and one more for threads that begin later; runs on
/// several threads have each their own. Never more than there are processors: more are of no use, and libtorch ends the process where the system has
/// no room for them.
/// </summary>
internal sealed class ThreadCount : IDisposable
{
    private readonly int? before;

    private ThreadCount(int? before) => this.before = before;

    /// <summary>Sets the number for this thread until the result is disposed, on the same thread.</summary>
    /// <param name="count">At least one, and as many as there are processors when it is more; null leaves it as it is.</param>
    public static ThreadCount Use(int? count)
    {
        if (count is not int asked)
        {
            return new(null);
        }

        int threads = Math.Min(asked, Environment.ProcessorCount);
        int before = get_num_threads();
        Set(threads, others: before);
        return new(before);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (before is int threads)
        {
            Set(threads, others: threads);
        }
    }

    // To set it here sets it for threads to come too, another run's perhaps: one that comes takes that back.
    private static void Set(int threads, int others)
    {
        set_num_threads(threads);
        if (others != threads)
        {
            Thread other = new(() => set_num_threads(others)) { IsBackground = true };
            other.Start();
            other.Join();
        }
    }
}
