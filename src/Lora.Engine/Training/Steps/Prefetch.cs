using System.Collections.Concurrent;

namespace Lora.Training;

/// <summary>Makes the items of a sequence on another thread, some ahead of who takes them.</summary>
internal static class Prefetch
{
    /// <summary>The same items in the same order. When the taker stops, or the sequence throws, the other thread ends before this does.</summary>
    /// <param name="source">Enumerated on another thread.</param>
    /// <param name="ahead">Items that are ready at the most.</param>
    public static IEnumerable<T> Ahead<T>(IEnumerable<T> source, int ahead)
    {
        using CancellationTokenSource stopped = new();
        using BlockingCollection<T> ready = new(ahead);
        Task maker = Task.Run(() => Make(source, ready, stopped.Token));
        try
        {
            // The queue is bounded, so a fast maker waits and memory stays that of a few batches.
            foreach (T item in ready.GetConsumingEnumerable())
            {
                yield return item;
            }

            maker.GetAwaiter().GetResult(); // what the sequence threw
        }
        finally
        {
            // The taker may leave early; this wakes a maker that waits for room in the queue.
            stopped.Cancel();
            Task.WaitAny(maker); // waits, and does not throw what the maker threw
        }
    }

    private static void Make<T>(IEnumerable<T> source, BlockingCollection<T> ready, CancellationToken stopped)
    {
        try
        {
            foreach (T item in source)
            {
                ready.Add(item, stopped);
            }
        }
        catch (OperationCanceledException) when (stopped.IsCancellationRequested)
        {
            // Nobody takes the rest.
        }
        finally
        {
            ready.CompleteAdding();
        }
    }
}
