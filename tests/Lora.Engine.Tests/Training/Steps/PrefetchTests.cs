using Lora.Training;

namespace Lora.Tests.Training;

public class PrefetchTests
{
    [Fact]
    public void Items_come_in_order_and_only_so_many_are_ready()
    {
        int made = 0;
        using IEnumerator<int> items = Prefetch.Ahead(Enumerable.Range(0, 100).Select(item => { Interlocked.Increment(ref made); return item; }), ahead: 2).GetEnumerator();

        Assert.True(items.MoveNext());
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref made) == 4, TimeSpan.FromSeconds(30))); // one taken, two ready, one that waits for its place
        Thread.Sleep(50);
        Assert.Equal(4, Volatile.Read(ref made));
        Assert.Equal(0, items.Current);
        for (int item = 1; item < 100; item++)
        {
            Assert.True(items.MoveNext());
            Assert.Equal(item, items.Current);
        }

        Assert.False(items.MoveNext());
    }

    [Fact]
    public void What_the_sequence_throws_arrives_after_the_items_before_it()
    {
        List<int> taken = [];
        InvalidOperationException thrown = Assert.Throws<InvalidOperationException>(() => taken.AddRange(Prefetch.Ahead(Failing(), ahead: 2)));

        Assert.Equal("third", thrown.Message);
        using IEnumerator<int> items = Prefetch.Ahead(Failing(), ahead: 2).GetEnumerator();
        Assert.True(items.MoveNext() && items.MoveNext());
    }

    [Fact]
    public void The_other_thread_has_ended_when_the_taker_stops()
    {
        bool ended = false;
        foreach (int item in Prefetch.Ahead(Endless(() => ended = true), ahead: 2))
        {
            if (item == 3)
            {
                break;
            }
        }

        Assert.True(ended);
    }

    private static IEnumerable<int> Failing()
    {
        yield return 1;
        yield return 2;
        throw new InvalidOperationException("third");
    }

    private static IEnumerable<int> Endless(Action end)
    {
        try
        {
            for (int item = 0; ; item++)
            {
                yield return item;
            }
        }
        finally
        {
            end();
        }
    }
}
