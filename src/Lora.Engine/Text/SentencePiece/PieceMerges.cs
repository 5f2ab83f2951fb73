namespace Lora.Text;

/// <summary>
/// The merges of a vocabulary of which only scores are known (transformers, generate_merges): every way to make a token of two others, those of the
/// token with the highest score first, then those with the longer left part, then those with the longer right part, then by the ids of the parts.
/// </summary>
internal static class PieceMerges
{
    /// <summary>Works the merges out.</summary>
    /// <param name="tokens">The tokens with their scores.</param>
    /// <param name="vocabulary">Their ids.</param>
    public static PairMerges Of(IEnumerable<(string Token, double Score)> tokens, Vocabulary vocabulary)
    {
        List<Way> ways = [];
        foreach ((string token, double score) in tokens.DistinctBy(entry => entry.Token))
        {
            int first = ways.Count;
            int points = 0;
            for (int at = 1; at < token.Length; at++)
            {
                // Python, whose order this is, cuts and counts by code points.
                if (char.IsLowSurrogate(token[at]))
                {
                    continue;
                }

                points++;
                int left = vocabulary.Find(token.AsSpan(0, at));
                int right = vocabulary.Find(token.AsSpan(at));
                if (left != Vocabulary.Absent && right != Vocabulary.Absent)
                {
                    ways.Add(new(left, right, vocabulary.Find(token), token.Length, score, points));
                }
            }

            for (int index = first; index < ways.Count; index++)
            {
                ways[index] = ways[index] with { RightPoints = points + 1 - ways[index].LeftPoints };
            }

            ways.Sort(first, ways.Count - first, ByIds);
        }

        PairMerges merges = new(ways.Count);
        foreach (Way way in ways.OrderByDescending(way => way.Score).ThenByDescending(way => way.LeftPoints).ThenByDescending(way => way.RightPoints))
        {
            merges.Add(way.Left, way.Right, way.Id, way.Length);
        }

        return merges;
    }

    private static readonly Comparer<Way> ByIds = Comparer<Way>.Create((one, other) => (one.Left, one.Right).CompareTo((other.Left, other.Right)));

    /// <summary>A way to make a token.</summary>
    private readonly record struct Way(int Left, int Right, int Id, int Length, double Score, int LeftPoints)
    {
        /// <summary>The code points of the right part.</summary>
        public int RightPoints { get; init; }
    }
}
