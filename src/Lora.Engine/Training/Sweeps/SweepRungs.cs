namespace Lora.Training;

/// <summary>The rungs of a sweep: how far points are trained on each, and how many go on to the next (successive halving, arXiv 1502.07943).</summary>
/// <param name="points">Points at the beginning.</param>
/// <param name="factor">One in so many goes on, with so many times the steps; null for a single rung.</param>
internal sealed class SweepRungs(int points, int? factor)
{
    /// <summary>
    /// How many there are: the last has the whole run, each one before it a part of the next one's, and the first of 16 points with a factor of 4 a
    /// sixteenth. Fewer points than the factor are halved once.
    /// </summary>
    public int Count { get; } = factor is int by && points > 1 ? Math.Max(2, 1 + Halvings(points, by)) : 1;

    /// <summary>The part of all steps that points have after a rung, as a divisor.</summary>
    /// <param name="rung">Counted from 1.</param>
    public int Divisor(int rung) => rung == Count ? 1 : (int)Math.Pow(factor!.Value, Count - rung);

    /// <summary>How many of the points on a rung go on to the next.</summary>
    public int GoOn(int running) => Math.Max(1, running / factor!.Value);

    // Whole divisions: a logarithm of 64 to the base 4 may be a little less than 3.
    private static int Halvings(int points, int factor) => points < factor ? 0 : 1 + Halvings(points / factor, factor);
}
