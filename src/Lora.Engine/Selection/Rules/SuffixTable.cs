using System.Collections.Frozen;

namespace Lora.Selection;

/// <summary>A list of names or dotted endings. A look-up costs one hash of each ending of the name, however long the list is.</summary>
internal sealed class SuffixTable
{
    private readonly FrozenDictionary<string, int> indices;
    private readonly FrozenDictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup;

    /// <param name="entries">The entries; of equal ones the first counts.</param>
    public SuffixTable(IReadOnlyList<string> entries)
    {
        Dictionary<string, int> first = new(StringComparer.Ordinal);
        for (int index = 0; index < entries.Count; index++)
        {
            first.TryAdd(entries[index], index);
        }

        Entries = entries;
        indices = first.ToFrozenDictionary(StringComparer.Ordinal);
        lookup = indices.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public IReadOnlyList<string> Entries { get; }

    /// <summary>The index of the entry that equals the name, or -1.</summary>
    public int FindExact(string name) => indices.GetValueOrDefault(name, -1);

    /// <summary>The index of the longest entry that the name ends with after a dot, or -1.</summary>
    public int FindEnding(string name)
    {
        // From the first dot on, so that the longest ending is met first.
        for (int dot = name.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = name.IndexOf('.', dot + 1))
        {
            if (lookup.TryGetValue(name.AsSpan(dot + 1), out int index))
            {
                return index;
            }
        }

        return -1;
    }

    /// <summary>The index of the entry that equals the name, or else of the longest that it ends with, or -1.</summary>
    public int Find(string name)
    {
        int exact = FindExact(name);
        return exact >= 0 ? exact : FindEnding(name);
    }

    /// <summary>Counts a hit for every entry that equals the name or, if endings count, that it ends with.</summary>
    public void CountHits(string name, int[] hits, bool endings)
    {
        int exact = FindExact(name);
        if (exact >= 0)
        {
            hits[exact]++;
        }

        for (int dot = endings ? name.IndexOf('.', StringComparison.Ordinal) : -1; dot >= 0; dot = name.IndexOf('.', dot + 1))
        {
            if (lookup.TryGetValue(name.AsSpan(dot + 1), out int index))
            {
                hits[index]++;
            }
        }
    }
}
