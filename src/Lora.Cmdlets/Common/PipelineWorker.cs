using System.Collections.Concurrent;
using System.Management.Automation;
using System.Runtime.ExceptionServices;

namespace Lora.Commands;

/// <summary>Runs work on a thread of its own and hands what it says to the thread that waits for it.</summary>
internal sealed class PipelineWorker : IProgress<WorkProgress>, IDisposable
{
    // Objects of a stream that wait for the pipeline.
    private const int MostWaiting = 256;

    // From the id of a bar to that of the bar above it: beyond the ids of all workers.
    private const int WholeIds = 100_000;

    private readonly BlockingCollection<PipelineRecord> records = [];
    private readonly SemaphoreSlim room = new(MostWaiting);
    private readonly CancellationTokenSource cancellation = new();
    private readonly Lock gate = new();
    private readonly ProgressBar bar;
    private readonly int activityId;
    private ProgressBar? whole;
    private readonly Thread thread;
    private ExceptionDispatchInfo? failure;
    private bool disposed;

    /// <summary>Prepares the work; <see cref="Run"/> starts it.</summary>
    /// <param name="activity">What it does, for the bar.</param>
    /// <param name="work">The work.</param>
    public PipelineWorker(string activity, Action<PipelineWorker, CancellationToken> work)
    {
        activityId = RunningWorkers.Add(this);
        bar = new(activityId, activity, TimeProvider.System);
        thread = new Thread(() => Work(work)) { IsBackground = true, Name = "Lora worker" };
    }

    /// <summary>What is to be said should the work be stopped before it is done; null for nothing.</summary>
    public string? LastWord { get; set; }

    /// <summary>Whether the work was asked to end before it was done.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Says something; any thread may.</summary>
    public void Write(PipelineRecord record) => records.Add(record);

    /// <summary>Gives what the work has made: whatever stops the pipeline from here on, nothing of it is left to do.</summary>
    public void WriteLast(object value)
    {
        LastWord = null;
        Write(new PipelineRecord.Output(value));
    }

    /// <summary>Gives one object of many; it waits where the pipeline is slower than the work, so that a million of them do not fill the memory.</summary>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public void WriteNext(object value)
    {
        room.Wait(cancellation.Token);
        Write(new PipelineRecord.Output(value, IsOfMany: true));
    }

    /// <summary>Says how far the work is; any thread may, as often as it likes.</summary>
    public void Report(WorkProgress value) => bar.Report(value);

    /// <summary>Says how far the work is as a whole, on a bar of its own above the other, which is then that of a part.</summary>
    /// <param name="activity">What the whole is; the same each time.</param>
    /// <param name="value">How far it is.</param>
    public void ReportWhole(string activity, WorkProgress value)
    {
        int id = activityId + WholeIds;
        whole ??= new(id, activity, TimeProvider.System);
        bar.ParentId = id;
        whole.Report(value);
    }

    /// <summary>Starts the work, passes on what it says until it ends, and rethrows what it threw. When it returns, the thread has ended.</summary>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public void Run(Action<PipelineRecord> write)
    {
        thread.Start();
        try
        {
            while (!records.IsCompleted)
            {
                // Wakes though nothing is said, so that the bar goes on.
                if (records.TryTake(out PipelineRecord? record, ProgressBar.Interval))
                {
                    if (record is PipelineRecord.Output { IsOfMany: true })
                    {
                        room.Release();
                    }

                    write(record);
                }

                Show(whole?.Next());
                Show(bar.Next());
            }

            Show(whole?.Next(isLast: true));
            Show(bar.Next(isLast: true));
            Show(bar.Completed());
            Show(whole?.Completed());
        }
        finally
        {
            // Writing throws where the pipeline has enough (Select-Object -First 1) or ends by an error: the work must not go on behind it.
            Cancel();
            thread.Join();
        }

        failure?.Throw();

        void Show(ProgressRecord? record)
        {
            if (record is not null)
            {
                write(new PipelineRecord.Progress(record));
            }
        }
    }

    /// <summary>Asks the work to end at its next safe point, and does nothing else: it is called on other threads, at any time.</summary>
    public void Cancel()
    {
        lock (gate)
        {
            // Ctrl+C and the end of the process come on threads of their own, when the work may just be over.
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
            room.Dispose();
        }

        RunningWorkers.Remove(this);
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
            IsCut = cancellation.IsCancellationRequested;
            records.CompleteAdding();
        }
    }
}
