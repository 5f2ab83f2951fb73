using Lora.Data;

namespace Lora.Tests.Data;

public class PrefetchTests
{
    [Fact]
    public void Items_come_in_order_and_only_so_many_are_made_ahead()
    {
        int made = 0;
        using IEnumerator<int> items = Prefetch.Ahead(Enumerable.Range(0, 100), Make, ahead: 2).GetEnumerator();

        Assert.True(items.MoveNext());
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref made) == 3, TimeSpan.FromSeconds(30))); // one taken, two ready
        Thread.Sleep(50);
        Assert.Equal(3, Volatile.Read(ref made));
        Assert.Equal(0, items.Current);
        for (int item = 1; item < 100; item++)
        {
            Assert.True(items.MoveNext());
            Assert.Equal(item, items.Current);
        }

        Assert.False(items.MoveNext());

        int Make(int item)
        {
            Interlocked.Increment(ref made);
            return item;
        }
    }

    [Fact]
    public void An_item_that_takes_long_does_not_change_the_order() => Assert.Equal(
        Enumerable.Range(0, 20),
        Prefetch.Ahead(
            Enumerable.Range(0, 20),
            item =>
            {
                Thread.Sleep(item % 3 == 0 ? 5 : 0);
                return item;
            },
            ahead: 4));

    [Fact]
    public void What_an_item_throws_arrives_once_after_the_items_before_it_and_nothing_follows()
    {
        List<int> taken = [];
        InvalidOperationException thrown = Assert.Throws<InvalidOperationException>(() => taken.AddRange(Prefetch.Ahead(Enumerable.Range(1, 9), Failing, ahead: 2)));
        Assert.Equal("3", thrown.Message);

        Assert.Equal([1, 2], taken);
        Assert.Equal([1, 2], Prefetch.Ahead(Enumerable.Range(1, 9), Failing, ahead: 2).Take(2)); // what was thrown meanwhile was not asked for

        static int Failing(int item) => item < 3 ? item : throw new InvalidOperationException($"{item}");
    }

    [Fact]
    public void No_other_thread_is_at_work_when_the_taker_has_stopped()
    {
        int working = 0;
        foreach (int item in Prefetch.Ahead(Enumerable.Range(0, int.MaxValue), Make, ahead: 3))
        {
            if (item == 3)
            {
                break;
            }
        }

        Assert.Equal(0, Volatile.Read(ref working));

        int Make(int item)
        {
            Interlocked.Increment(ref working);
            Thread.Sleep(2);
            Interlocked.Decrement(ref working);
            return item;
        }
    }
}
