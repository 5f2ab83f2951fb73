namespace Lora.Data;

/// <summary>Makes the items of a sequence on other threads, some ahead of who takes them.</summary>
internal static class Prefetch
{
    /// <summary>What is made of each item, in the order of the items. What making one throws arrives in its place, and nothing follows it.</summary>
    /// <param name="source">Enumerated on the taker's thread.</param>
    /// <param name="make">Called on other threads, for several items at a time.</param>
    /// <param name="ahead">Items that are made, or being made, while one is used.</param>
    public static IEnumerable<TResult> Ahead<TSource, TResult>(IEnumerable<TSource> source, Func<TSource, TResult> make, int ahead)
    {
        using CancellationTokenSource stopped = new();
        Queue<Task<TResult>> making = new();
        try
        {
            foreach (TSource item in source)
            {
                // The queue is bounded, so memory stays that of a few items however fast they are made.
                making.Enqueue(Task.Run(() => make(item), stopped.Token));
                if (making.Count > ahead)
                {
                    yield return making.Dequeue().GetAwaiter().GetResult();
                }
            }

            while (making.TryDequeue(out Task<TResult>? next))
            {
                yield return next.GetAwaiter().GetResult();
            }
        }
        finally
        {
            // The taker may leave early. No other thread is at work when it has; what those items threw was not asked for.
            stopped.Cancel();
            foreach (Task<TResult> left in making)
            {
                Task.WaitAny(left);
            }
        }
    }
}
