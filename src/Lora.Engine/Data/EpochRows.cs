using System.Globalization;

namespace Lora.Data;

/// <summary>
/// How often each row comes in an epoch. A row of weight w comes floor(w) times; of the rows of one weight the share that is left is drawn, anew for
/// each epoch, and comes once more. So an epoch of weights 2.5 and 1 has each row of the first twice, half of them a third time, and each of the other once.
/// </summary>
internal sealed class EpochRows
{
    private readonly int rows;
    private readonly (double Weight, int[] Rows)[] pools = [];

    /// <summary>Rows that each come once.</summary>
    public EpochRows(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        rows = count;
        Count = count;
    }

    /// <summary>Rows of weights.</summary>
    /// <param name="weights">The weight of each row, all above 0.</param>
    /// <exception cref="LoraException"><see cref="LoraError.ConfigValueInvalid"/> where an epoch would have no row, or more than can be counted.</exception>
    public EpochRows(IReadOnlyList<double> weights)
    {
        rows = weights.Count;
        pools = [.. weights.Select((weight, row) => (weight, row)).GroupBy(pair => pair.weight, pair => pair.row).OrderBy(pool => pool.Key).Select(pool => (pool.Key, pool.ToArray()))];
        double count = pools.Sum(pool => (Math.Floor(pool.Weight) * pool.Rows.Length) + Extra(pool));
        Count = count is >= 1 and <= int.MaxValue ? (int)count : throw LoraException.Of(
            LoraError.ConfigValueInvalid, count, "DatasetWeight", string.Create(CultureInfo.InvariantCulture, $"what makes {count} rows an epoch"), "weights that make one row or more, and no more than 2,147,483,647");
    }

    /// <summary>The rows of an epoch.</summary>
    public int Count { get; }

    /// <summary>Whether a row may come twice in an epoch.</summary>
    public bool IsRepeating => pools.Any(pool => pool.Weight > 1);

    /// <summary>How often a row comes in an epoch at the most.</summary>
    public int Most(int row) => pools.Length == 0 ? 1 : (int)Math.Ceiling(pools.First(pool => Array.BinarySearch(pool.Rows, row) >= 0).Weight);

    /// <summary>The rows of one epoch in the order of the dataset, as often as they come.</summary>
    /// <param name="random">Draws those that come once more; nothing is drawn where all weights are whole.</param>
    public int[] Draw(SplitMix64 random)
    {
        if (pools.Length == 0)
        {
            return [.. Enumerable.Range(0, rows)];
        }

        int[] times = new int[rows];
        foreach ((double weight, int[] pool) in pools)
        {
            foreach (int row in pool)
            {
                times[row] = (int)weight;
            }

            // The beginning of a Fisher-Yates shuffle: each choice of so many rows is as likely as any other.
            int[] drawn = [.. pool];
            int extra = Extra((weight, pool));
            for (int at = 0; at < extra; at++)
            {
                int other = at + random.Next(drawn.Length - at);
                (drawn[at], drawn[other]) = (drawn[other], drawn[at]);
                times[drawn[at]]++;
            }
        }

        return [.. times.SelectMany((count, row) => Enumerable.Repeat(row, count))];
    }

    private static int Extra((double Weight, int[] Rows) pool) => (int)Math.Round((pool.Weight - Math.Floor(pool.Weight)) * pool.Rows.Length, MidpointRounding.AwayFromZero);
}
