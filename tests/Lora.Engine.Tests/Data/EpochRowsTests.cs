using Lora.Data;

namespace Lora.Tests.Data;

public class EpochRowsTests
{
    [Fact]
    public void A_whole_weight_is_how_often_each_row_comes_and_nothing_is_drawn()
    {
        EpochRows rows = new([3, 3, 1, 1]);
        Assert.Equal(8, rows.Count);
        Assert.Equal([0, 0, 0, 1, 1, 1, 2, 3], rows.Draw(new(1)));
        Assert.Equal([3, 1], new[] { rows.Most(0), rows.Most(3) });
        Assert.True(rows.IsRepeating);
    }

    [Fact]
    public void The_share_of_a_weight_is_drawn_anew_for_each_epoch_and_the_same_for_the_same_one()
    {
        EpochRows rows = new([.. Enumerable.Repeat(2.25, 40), .. Enumerable.Repeat(0.5, 20), .. Enumerable.Repeat(1.0, 5)]);
        int[] first = [.. new BatchOrder(rows, seed: 42, epoch: 0).Indices], second = [.. new BatchOrder(rows, seed: 42, epoch: 1).Indices];

        Assert.Equal(90 + 10 + 5, rows.Count);
        Assert.All(new[] { first, second }, epoch =>
        {
            int[] times = [.. Enumerable.Range(0, 65).Select(row => epoch.Count(other => other == row))];
            Assert.Equal([30, 10], new[] { times[..40].Count(count => count == 2), times[..40].Count(count => count == 3) });
            Assert.Equal([10, 10], new[] { times[40..60].Count(count => count == 0), times[40..60].Count(count => count == 1) });
            Assert.All(times[60..], count => Assert.Equal(1, count));
        });
        Assert.NotEqual(first.Order(), second.Order());
        Assert.Equal(first, new BatchOrder(rows, seed: 42, epoch: 0).Indices);
    }

    [Fact]
    public void Each_row_of_a_weight_is_as_likely_to_come_once_more_as_any_other()
    {
        // 4000 epochs draw 3 of 10 rows: 1200 for each, with a deviation of 29; five of them are beyond what chance gives.
        EpochRows rows = new([.. Enumerable.Repeat(0.3, 10)]);
        int[] times = new int[10];
        for (int epoch = 0; epoch < 4000; epoch++)
        {
            foreach (int row in new BatchOrder(rows, seed: 7, epoch).Indices)
            {
                times[row]++;
            }
        }

        Assert.All(times, count => Assert.InRange(count, 1055, 1345));
    }

    [Fact]
    public void Weights_of_one_change_nothing_in_the_order() =>
        Assert.Equal(new BatchOrder(10, 42, 3).Indices, new BatchOrder(new EpochRows([.. Enumerable.Repeat(1.0, 10)]), 42, 3).Indices);

    [Fact]
    public void An_epoch_without_a_row_is_an_error() =>
        Assert.Equal(LoraError.ConfigValueInvalid, Assert.Throws<LoraException>(() => new EpochRows([0.1, 0.1])).Error);
}
