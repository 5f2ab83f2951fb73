using System.Runtime.ExceptionServices;

namespace Lora.Models;

/// <summary>
/// Threads that do one work together and wait for each other within it, many times in a millisecond. libtorch's own cost some ten microseconds a meeting, of
/// which a token has hundreds; these look at a number until it changes, and sleep where nothing has come for long.
/// </summary>
internal sealed class WorkerTeam : IDisposable
{
    // About twenty microseconds, then the processor is offered to others between looks.
    private const int Looks = 2000;

    // A token's callback, or what chooses it, is through by then; who waits longer sleeps.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(2);

    private readonly Thread[] others;
    private readonly object gate = new();
    private Action<int>? work;
    private ExceptionDispatchInfo? failure;
    private int started;
    private int finished;
    private int arrived;
    private int meetings;
    private bool isEnding;

    /// <param name="count">How many there are, the one that runs a work with them.</param>
    public WorkerTeam(int count)
    {
        Count = count;
        others = [.. Enumerable.Range(1, count - 1).Select(index => new Thread(() => Serve(index)) { IsBackground = true, Name = "Lora decoding" })];
        Array.ForEach(others, thread => thread.Start());
    }

    /// <summary>How many work.</summary>
    public int Count { get; }

    /// <summary>Does a work on all threads at once, this one with them.</summary>
    /// <param name="share">The work of each, who is told its number from 0 on.</param>
    public void Run(Action<int> share)
    {
        work = share;
        finished = 0;
        arrived = 0;
        Begin();
        Do(0);
        for (int looks = 0; Volatile.Read(ref finished) < Count; looks++)
        {
            Look(looks);
        }

        ExceptionDispatchInfo? failed = Interlocked.Exchange(ref failure, null);
        failed?.Throw();
    }

    /// <summary>Waits until all have come here; called by each of them, within a work.</summary>
    public void Meet()
    {
        if (Count == 1)
        {
            return;
        }

        int meeting = Volatile.Read(ref meetings);
        if (Interlocked.Increment(ref arrived) == Count)
        {
            arrived = 0;
            Volatile.Write(ref meetings, meeting + 1);
            return;
        }

        for (int looks = 0; Volatile.Read(ref meetings) == meeting; looks++)
        {
            // One that failed comes to no meeting.
            if (Volatile.Read(ref failure) is not null)
            {
                throw new OperationCanceledException();
            }

            Look(looks);
        }
    }

    /// <summary>The share of a worker in so many rows.</summary>
    public (long Begin, long End) Share(int worker, long rows) => (worker * rows / Count, (worker + 1) * rows / Count);

    /// <inheritdoc/>
    public void Dispose()
    {
        Volatile.Write(ref isEnding, true);
        Begin();
        Array.ForEach(others, thread => thread.Join());
    }

    private static void Look(int looks)
    {
        if (looks < Looks)
        {
            Thread.SpinWait(1);
        }
        else
        {
            Thread.Yield();
        }
    }

    private void Serve(int index)
    {
        for (int seen = 0; ; seen++)
        {
            long begin = Environment.TickCount64;
            for (int looks = 0; Volatile.Read(ref started) == seen; looks++)
            {
                Look(looks);
                if (looks % Looks == Looks - 1 && Environment.TickCount64 - begin > Patience.TotalMilliseconds)
                {
                    Sleep(seen);
                }
            }

            if (Volatile.Read(ref isEnding))
            {
                return;
            }

            Do(index);
        }
    }

    /// <summary>Says that there is a work, to those that look and to those that sleep.</summary>
    private void Begin()
    {
        lock (gate)
        {
            Volatile.Write(ref started, started + 1);
            Monitor.PulseAll(gate);
        }
    }

    private void Sleep(int seen)
    {
        // All that sleep are woken: of calls that are counted, one that was through with its work could take another's.
        lock (gate)
        {
            while (started == seen)
            {
                Monitor.Wait(gate);
            }
        }
    }

    private void Do(int index)
    {
        try
        {
            work!(index);
        }
        catch (Exception exception)
        {
            Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(exception), null);
        }

        Interlocked.Increment(ref finished);
    }
}
