namespace Lora.Selection;

/// <summary>Finds what a mistyped entry may have meant.</summary>
internal static class NearestNames
{
    private const int Most = 3;

    /// <summary>Returns up to three whole names or endings, of as many parts as the entry has, by their edit distance to it.</summary>
    public static IReadOnlyList<string> Find(string entry, IEnumerable<string> names)
    {
        int parts = entry.Count(c => c == '.') + 1;
        // Two letters that changed places are a distance of 2, which a short entry must bear too.
        int furthest = Math.Max(2, entry.Length / 2);
        return
        [
            .. names.Select(name => Ending(name, parts))
                .Distinct(StringComparer.Ordinal)
                // No distance is below the difference of the lengths, and that is seen without a table of distances.
                .Where(candidate => Math.Abs(candidate.Length - entry.Length) <= furthest)
                .Select(candidate => (Name: candidate, Distance: Distance(entry, candidate)))
                .Where(candidate => candidate.Distance <= furthest)
                .OrderBy(candidate => candidate.Distance)
                .ThenBy(candidate => candidate.Name, StringComparer.Ordinal)
                .Take(Most)
                .Select(candidate => candidate.Name),
        ];
    }

    private static string Ending(string name, int parts)
    {
        int dot = name.Length;
        for (int part = 0; part < parts && dot > 0; part++)
        {
            dot = name.LastIndexOf('.', dot - 1);
        }

        return name[(dot + 1)..];
    }

    /// <summary>Levenshtein's distance, in which a letter's case costs nothing.</summary>
    private static int Distance(string left, string right)
    {
        int[] above = [.. Enumerable.Range(0, right.Length + 1)];
        for (int row = 1; row <= left.Length; row++)
        {
            int[] line = new int[right.Length + 1];
            line[0] = row;
            for (int column = 1; column <= right.Length; column++)
            {
                int change = char.ToUpperInvariant(left[row - 1]) == char.ToUpperInvariant(right[column - 1]) ? 0 : 1;
                line[column] = Math.Min(Math.Min(above[column], line[column - 1]) + 1, above[column - 1] + change);
            }

            above = line;
        }

        return above[right.Length];
    }
}
