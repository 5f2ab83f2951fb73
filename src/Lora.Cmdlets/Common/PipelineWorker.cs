using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Lora.Commands;

/// <summary>Runs work on a thread of its own and hands what it says to the thread that waits for it.</summary>
internal sealed class PipelineWorker : IDisposable
{
    private readonly BlockingCollection<PipelineRecord> records = [];
    private readonly CancellationTokenSource cancellation = new();
    private readonly Lock gate = new();
    private readonly Thread thread;
    private ExceptionDispatchInfo? failure;
    private bool disposed;

    /// <summary>Prepares the work; <see cref="Run"/> starts it.</summary>
    public PipelineWorker(Action<PipelineWorker, CancellationToken> work)
    {
        thread = new Thread(() => Work(work)) { IsBackground = true, Name = "Lora worker" };
    }

    /// <summary>Says something; any thread may.</summary>
    public void Write(PipelineRecord record) => records.Add(record);

    /// <summary>Starts the work, passes on what it says until it ends, and rethrows what it threw. When it returns, the thread has ended.</summary>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public void Run(Action<PipelineRecord> write)
    {
        RunningWorkers.Add(this);
        thread.Start();
        try
        {
            foreach (PipelineRecord record in records.GetConsumingEnumerable())
            {
                write(record);
            }
        }
        finally
        {
            Cancel();
            thread.Join();
            RunningWorkers.Remove(this);
        }

        failure?.Throw();
    }

    /// <summary>Asks the work to end at its next safe point, and does nothing else: it is called on other threads, at any time.</summary>
    public void Cancel()
    {
        lock (gate)
        {
            if (!disposed)
            {
                cancellation.Cancel();
            }
        }
    }

    /// <summary>Waits for the thread, if it has begun; false when it has not ended in time.</summary>
    public bool Join(TimeSpan limit) => thread.ThreadState.HasFlag(ThreadState.Unstarted) || thread.Join(limit);

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            cancellation.Dispose();
            records.Dispose();
        }
    }

    private void Work(Action<PipelineWorker, CancellationToken> work)
    {
        try
        {
            work(this, cancellation.Token);
        }
        catch (Exception exception)
        {
            // Carried to the pipeline's thread: an exception that leaves a thread ends the process.
            failure = ExceptionDispatchInfo.Capture(exception);
        }
        finally
        {
            records.CompleteAdding();
        }
    }
}
