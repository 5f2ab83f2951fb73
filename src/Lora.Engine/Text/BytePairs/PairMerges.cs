using System.Text.Json;

namespace Lora.Text;

/// <summary>The learned merges: for a pair of neighbouring tokens the merge's rank (lower goes first) and the token that it makes.</summary>
internal sealed class PairMerges
{
    private readonly Dictionary<long, Merge> merges;

    private PairMerges(Dictionary<long, Merge> merges, int longest)
    {
        this.merges = merges;
        Longest = longest;
    }

    /// <summary>The characters of the longest token that a merge makes.</summary>
    public int Longest { get; }

    /// <summary>Reads "merges", a list of <c>"a b"</c> or of <c>["a", "b"]</c>, best merge first.</summary>
    public static PairMerges Read(TokenizerNode node, Dictionary<string, int> vocabulary)
    {
        JsonElement list = node.Of(JsonValueKind.Array, "a list").Element;
        Dictionary<long, Merge> merges = new(list.GetArrayLength());
        int rank = 0;
        int longest = 1;
        foreach (JsonElement entry in list.EnumerateArray())
        {
            if (Pair(entry) is not [string left, string right])
            {
                throw node.Invalid($"the entry {entry} of \"merges\" is not a pair of tokens");
            }

            if (!vocabulary.TryGetValue(left, out int leftId) || !vocabulary.TryGetValue(right, out int rightId) ||
                !vocabulary.TryGetValue(left + right, out int id))
            {
                throw node.Invalid($"the merge of '{left}' and '{right}' needs a token that \"vocab\" lacks");
            }

            merges.TryAdd(Key(leftId, rightId), new(rank++, id));
            longest = Math.Max(longest, left.Length + right.Length);
        }

        return new(merges, longest);
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
