using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Lora.Text;

/// <summary>The ids of short words met before, up to a number of words; safe to use from several threads.</summary>
internal sealed class WordCache
{
    private const int LongestWord = 64;
    private const int MostWords = 200_000;

    private readonly ConcurrentDictionary<string, int[]> words = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> lookup;
    private int count;

    public WordCache() => lookup = words.GetAlternateLookup<ReadOnlySpan<char>>();

    public bool TryGet(ReadOnlySpan<char> word, [NotNullWhen(true)] out int[]? ids) => lookup.TryGetValue(word, out ids);

    public void Add(ReadOnlySpan<char> word, ReadOnlySpan<int> ids)
    {
        // The count may run past the limit by a thread's word; a lock would cost more.
        if (word.Length < LongestWord && Volatile.Read(ref count) < MostWords && lookup.TryAdd(word, ids.ToArray()))
        {
            Interlocked.Increment(ref count);
        }
    }
}
