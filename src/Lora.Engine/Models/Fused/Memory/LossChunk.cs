namespace Lora.Models;

/// <summary>How many supervised places the head takes at once: each of them has a row of logits as wide as the vocabulary, and chunks are launches.</summary>
internal static class LossChunk
{
    /// <summary>
    /// What a processor takes, where more would only leave its caches, and what a step takes that nobody planned: with half as many, products with a large
    /// vocabulary's matrix lose a third of their rate.
    /// </summary>
    public const int Least = 512;

    // Products are computed in tiles of up to so many rows.
    private const int Tile = 64;

    /// <summary>The most that fit, in chunks of about the same size; <see cref="Least"/> where no more do.</summary>
    /// <param name="places">Supervised places of the largest batch.</param>
    /// <param name="vocabulary">How many logits each has.</param>
    /// <param name="fits">Whether the memory is enough for so many at once.</param>
    public static int Most(int places, int vocabulary, Func<int, bool> fits)
    {
        for (int count = 1; ; count++)
        {
            int tiles = (places + (count * Tile) - 1) / (count * Tile);
            long chunk = (long)tiles * Tile;
            if (chunk <= Least)
            {
                return Least;
            }

            // Operators split what 32 bits do not count, so beyond that a larger chunk saves nothing.
            if (chunk * vocabulary <= int.MaxValue && fits((int)chunk))
            {
                return (int)chunk;
            }
        }
    }
}
