using System.Runtime.InteropServices;

namespace Lora.Commands;

/// <summary>
/// The workers of this process. A process that exits while a thread is inside libtorch crashes, so the exit waits for them. So does the end by
/// SIGTERM or SIGHUP (a closed terminal, ssh that hangs up, a service or container that is stopped; a closed console window under Windows): what
/// is trained is kept as after Ctrl+C, then the process ends as the signal has it. While nothing runs, nothing is registered.
/// </summary>
internal static class RunningWorkers
{
    private const int FirstActivityId = 1700;

    // A training ends within a step; an exit that takes longer than this is worse than a crash.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    // For the pipelines' last words, once the work has ended.
    private static readonly TimeSpan WordLimit = TimeSpan.FromSeconds(1);

    private static readonly Lock Gate = new();
    private static readonly Dictionary<PipelineWorker, int> Workers = [];
    private static PosixSignalRegistration[] signals = [];
    private static bool hooked;
    private static bool ending;

    /// <summary>Adds a worker.</summary>
    /// <returns>The id of its progress bar, which no other worker has now.</returns>
    public static int Add(PipelineWorker worker)
    {
        lock (Gate)
        {
            int id = FirstActivityId;
            while (Workers.ContainsValue(id))
            {
                id++;
            }

            Workers.Add(worker, id);
            if (Workers.Count == 1)
            {
                signals = [PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal), PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnSignal)];
            }

            if (!hooked)
            {
                // It is never taken off again: an event of the process, and with no workers it does nothing.
                AppDomain.CurrentDomain.ProcessExit += (_, _) => CancelAll();
                hooked = true;
            }

            // The script's next command must not begin its work in a process that ends.
            if (ending)
            {
                worker.Cancel();
            }

            return id;
        }
    }

    /// <summary>Takes a worker out whose thread has ended and whose pipeline has said everything. In a process that a signal ends it does not return.</summary>
    public static void Remove(PipelineWorker worker)
    {
        bool isEnding;
        PosixSignalRegistration[] unused = [];
        lock (Gate)
        {
            isEnding = ending && Workers.ContainsKey(worker);
            Workers.Remove(worker);
            if (Workers.Count == 0)
            {
                (unused, signals) = (signals, unused);
            }
        }

        if (isEnding)
        {
            Thread.Sleep(WordLimit); // the script must not go on to its next line, nor exit by itself
        }

        Array.ForEach(unused, signal => signal.Dispose());
    }

    /// <summary>Asks every worker to end and waits for them.</summary>
    public static void CancelAll()
    {
        PipelineWorker[] workers;
        lock (Gate)
        {
            workers = [.. Workers.Keys];
        }

        Array.ForEach(workers, worker => worker.Cancel());
        Array.ForEach(workers, worker => worker.Join(Limit));
    }

    /// <summary>Ends the work; then the system does what it does at this signal. At a second one it does so at once.</summary>
    private static void OnSignal(PosixSignalContext context)
    {
        lock (Gate)
        {
            if (ending)
            {
                return;
            }

            ending = true;
        }

        CancelAll();
        SpinWait.SpinUntil(IsEmpty, WordLimit);
    }

    private static bool IsEmpty()
    {
        lock (Gate)
        {
            return Workers.Count == 0;
        }
    }
}
