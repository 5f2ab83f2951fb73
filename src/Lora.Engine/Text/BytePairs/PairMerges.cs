using System.Text.Json;

namespace Lora.Text;

/// <summary>The learned merges: for a pair of neighbouring tokens the merge's rank (lower goes first) and the token that it makes.</summary>
internal sealed class PairMerges
{
    private readonly Dictionary<long, Merge> merges;
    private int rank;
    private char[] joined = new char[64];

    /// <summary>No merges yet.</summary>
    /// <param name="count">About how many there will be.</param>
    public PairMerges(int count = 0) => merges = new(count);

    /// <summary>The characters of the longest token that a merge makes.</summary>
    public int Longest { get; private set; } = 1;

    /// <summary>Reads "merges", a list of <c>"a b"</c> or of <c>["a", "b"]</c>, best merge first.</summary>
    public static PairMerges Read(TokenizerNode node, Vocabulary vocabulary)
    {
        JsonElement list = node.Of(JsonValueKind.Array, "a list").Element;
        PairMerges merges = new(list.GetArrayLength());
        foreach (JsonElement entry in list.EnumerateArray())
        {
            if (Pair(entry) is not [string left, string right])
            {
                throw node.Invalid($"the entry {entry} of \"merges\" is not a pair of tokens");
            }

            if (!merges.TryAdd(left, right, vocabulary))
            {
                throw node.Invalid($"the merge of '{left}' and '{right}' needs a token that \"vocab\" lacks");
            }
        }

        return merges;
    }

    /// <summary>Adds a merge, behind those before it; false where the vocabulary lacks a part or what they make. Of two of the same parts the first counts.</summary>
    public bool TryAdd(ReadOnlySpan<char> left, ReadOnlySpan<char> right, Vocabulary vocabulary)
    {
        int length = left.Length + right.Length;
        if (joined.Length < length)
        {
            joined = new char[length * 2];
        }

        left.CopyTo(joined);
        right.CopyTo(joined.AsSpan(left.Length));
        int leftId = vocabulary.Find(left);
        int rightId = vocabulary.Find(right);
        int id = vocabulary.Find(joined.AsSpan(0, length));
        if (leftId == Vocabulary.Absent || rightId == Vocabulary.Absent || id == Vocabulary.Absent)
        {
            return false;
        }

        Add(leftId, rightId, id, length);
        return true;
    }

    /// <summary>Adds a merge by its ids, behind those before it.</summary>
    /// <param name="left">The left part.</param>
    /// <param name="right">The right part.</param>
    /// <param name="id">What they make.</param>
    /// <param name="length">The characters of what they make.</param>
    public void Add(int left, int right, int id, int length)
    {
        merges.TryAdd(Key(left, right), new(rank++, id));
        Longest = Math.Max(Longest, length);
    }

    public bool TryFind(int left, int right, out Merge merge) => merges.TryGetValue(Key(left, right), out merge);

    private static string[] Pair(JsonElement entry) => entry.ValueKind switch
    {
        JsonValueKind.String => entry.GetString()!.Split(' '),
        JsonValueKind.Array when entry.EnumerateArray().All(part => part.ValueKind == JsonValueKind.String) =>
            [.. entry.EnumerateArray().Select(part => part.GetString()!)],
        _ => [],
    };

    private static long Key(int left, int right) => ((long)left << 32) | (uint)right;

    /// <summary>What a pair becomes, and how early.</summary>
    internal readonly record struct Merge(int Rank, int Id);
}
