namespace Lora.Text;

/// <summary>The learned merges: for a pair of neighbouring tokens the merge's rank (lower goes first) and the token that it makes.</summary>
internal sealed class PairMerges
{
    private readonly Dictionary<Pair, Merge> merges;
    private int rank;

    /// <summary>No merges yet.</summary>
    /// <param name="count">About how many there will be.</param>
    public PairMerges(int count = 0) => merges = new(count);

    /// <summary>The characters of the longest token that a merge makes.</summary>
    public int Longest { get; private set; } = 1;

    /// <summary>The merges, the one that goes first before all others: the parts, and what they make.</summary>
    public IEnumerable<(int Left, int Right, int Id)> Ordered =>
        merges.OrderBy(entry => entry.Value.Rank).Select(entry => (entry.Key.Left, entry.Key.Right, entry.Value.Id));

    /// <summary>Reads "merges", a list of <c>"a b"</c> or of <c>["a", "b"]</c>, best merge first.</summary>
    public static PairMerges Read(TokenizerNode node, Vocabulary vocabulary)
    {
        PairTexts pairs = PairTexts.Read(node);
        PairMerges merges = new(pairs.Count);
        for (int entry = 0; entry < pairs.Count; entry++)
        {
            ReadOnlySpan<char> token = pairs.Token(entry, out int left);
            if (!merges.TryAdd(token, left, vocabulary))
            {
                throw node.Invalid($"the merge of '{token[..left]}' and '{token[left..]}' needs a token that \"vocab\" lacks");
            }
        }

        return merges;
    }

    /// <summary>
    /// Adds a merge, behind those before it; false where the vocabulary lacks a part or what they make. Of two of the same parts the last counts, as in
    /// the tokenizers library.
    /// </summary>
    /// <param name="token">What is made.</param>
    /// <param name="left">The characters of its left part.</param>
    /// <param name="vocabulary">The tokens.</param>
    public bool TryAdd(ReadOnlySpan<char> token, int left, Vocabulary vocabulary)
    {
        int leftId = vocabulary.Find(token[..left]);
        int rightId = vocabulary.Find(token[left..]);
        int id = vocabulary.Find(token);
        if (leftId == Vocabulary.Absent || rightId == Vocabulary.Absent || id == Vocabulary.Absent)
        {
            return false;
        }

        Add(leftId, rightId, id, token.Length);
        return true;
    }

    /// <summary>Adds a merge by its ids, behind those before it.</summary>
    /// <param name="left">The left part.</param>
    /// <param name="right">The right part.</param>
    /// <param name="id">What they make.</param>
    /// <param name="length">The characters of what they make.</param>
    public void Add(int left, int right, int id, int length)
    {
        merges[new(left, right)] = new(rank++, id);
        Longest = Math.Max(Longest, length);
    }

    public bool TryFind(int left, int right, out Merge merge) => merges.TryGetValue(new(left, right), out merge);

    /// <summary>What a pair becomes, and how early.</summary>
    internal readonly record struct Merge(int Rank, int Id);

    /// <summary>Two tokens.</summary>
    private readonly record struct Pair(int Left, int Right)
    {
        // .NET's own hash of two numbers in a long is their exclusive or, which half a million pairs of small ids share in their hundreds.
        private const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;

        public override int GetHashCode() => (int)(((((ulong)(uint)Left << 32) | (uint)Right) * Multiplier) >> 32);
    }
}
