namespace Lora.Data;

/// <summary>
/// The order of the examples in one epoch, told by the seed and the epoch alone, so that a resumed run goes on where it stopped: a
/// Fisher-Yates shuffle with <see cref="SplitMix64"/>, whose state is the first number of the seed's own sequence plus the epoch.
/// </summary>
public sealed class BatchOrder
{
    private readonly int[] indices;

    /// <summary>Shuffles examples that each come once.</summary>
    /// <param name="count">The number of examples.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="epoch">The epoch, from 0.</param>
    public BatchOrder(int count, long seed, int epoch)
        : this(new EpochRows(count), seed, epoch)
    {
    }

    /// <summary>Shuffles.</summary>
    /// <param name="rows">How often each example comes.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="epoch">The epoch, from 0.</param>
    internal BatchOrder(EpochRows rows, long seed, int epoch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        // Not seed plus epoch: the second epoch of one seed would be the first of the next.
        SplitMix64 random = new(unchecked(new SplitMix64((ulong)seed).Next() + (ulong)epoch));
        indices = rows.Draw(random);
        for (int last = indices.Length - 1; last > 0; last--)
        {
            int other = random.Next(last + 1);
            (indices[last], indices[other]) = (indices[other], indices[last]);
        }
    }

    /// <summary>The places of the examples, each as often as it comes.</summary>
    public IReadOnlyList<int> Indices => indices;

    /// <summary>The order in pieces of a size; the last piece has what is left.</summary>
    public IEnumerable<int[]> Batches(int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        return indices.Chunk(batchSize);
    }
}
