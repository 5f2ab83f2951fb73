namespace Lora.Commands;

/// <summary>The workers of this process. A process that exits while a thread is inside libtorch crashes, so the exit waits for them.</summary>
internal static class RunningWorkers
{
    // A training ends within a step; an exit that takes longer than this is worse than a crash.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static readonly Lock Gate = new();
    private static readonly HashSet<PipelineWorker> Workers = [];
    private static bool hooked;

    public static void Add(PipelineWorker worker)
    {
        lock (Gate)
        {
            Workers.Add(worker);
            if (!hooked)
            {
                AppDomain.CurrentDomain.ProcessExit += (_, _) => CancelAll();
                hooked = true;
            }
        }
    }

    public static void Remove(PipelineWorker worker)
    {
        lock (Gate)
        {
            Workers.Remove(worker);
        }
    }

    /// <summary>Asks every worker to end and waits for them.</summary>
    public static void CancelAll()
    {
        PipelineWorker[] workers;
        lock (Gate)
        {
            workers = [.. Workers];
        }

        Array.ForEach(workers, worker => worker.Cancel());
        Array.ForEach(workers, worker => worker.Join(Limit));
    }
}
