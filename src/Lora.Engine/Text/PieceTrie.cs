namespace Lora.Text;

/// <summary>Tokens by their characters: from a node, which is a beginning of some token, a character leads to the next.</summary>
internal sealed class PieceTrie
{
    /// <summary>The node of nothing.</summary>
    public const int Root = 0;

    /// <summary>No node, or no token.</summary>
    public const int Absent = -1;

    private const int Smallest = 1024;
    private const int KeyBits = 16;
    // 2^64 over the golden ratio (Knuth's multiplicative hashing): the upper bits depend on node and character alike.
    private const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;

    // An open hash table of edges. The key is the node and the character, plus one, so that zero is a free place.
    private readonly List<int> ids = [Absent];
    private ulong[] keys = new ulong[Smallest];
    private int[] nodes = new int[Smallest];
    private int shift = 64 - 10; // the upper bits are the place; Smallest is 2^10

    /// <summary>Adds a token; of two that are spelled alike the later counts.</summary>
    public void Add(ReadOnlySpan<char> token, int id)
    {
        int node = Root;
        foreach (char character in token)
        {
            int next = Step(node, character);
            node = next == Absent ? AddEdge(node, character) : next;
        }

        ids[node] = id;
    }

    /// <summary>The node that a character leads to, or <see cref="Absent"/>.</summary>
    public int Step(int node, char character)
    {
        int place = Place(Key(node, character));
        return keys[place] == 0 ? Absent : nodes[place];
    }

    /// <summary>The token that ends at a node, or <see cref="Absent"/>.</summary>
    public int IdAt(int node) => ids[node];

    /// <summary>The node that characters lead to, or <see cref="Absent"/>.</summary>
    public int Walk(ReadOnlySpan<char> characters)
    {
        int node = Root;
        foreach (char character in characters)
        {
            node = Step(node, character);
            if (node == Absent)
            {
                break;
            }
        }

        return node;
    }

    /// <summary>The id of a token, or <see cref="Absent"/>.</summary>
    public int Find(ReadOnlySpan<char> token) => Walk(token) is int node and not Absent ? IdAt(node) : Absent;

    private int AddEdge(int node, char character)
    {
        // At most half full: every walk ends with a step that finds nothing, which is slow in a full table.
        if (ids.Count > keys.Length / 2)
        {
            Grow();
        }

        ulong key = Key(node, character);
        int place = Place(key);
        keys[place] = key;
        nodes[place] = ids.Count;
        ids.Add(Absent);
        return nodes[place];
    }

    private void Grow()
    {
        (ulong[] oldKeys, int[] oldNodes) = (keys, nodes);
        keys = new ulong[oldKeys.Length * 2];
        nodes = new int[oldKeys.Length * 2];
        shift--;
        for (int place = 0; place < oldKeys.Length; place++)
        {
            if (oldKeys[place] != 0)
            {
                int moved = Place(oldKeys[place]);
                (keys[moved], nodes[moved]) = (oldKeys[place], oldNodes[place]);
            }
        }
    }

    /// <summary>Where a key is, or the free place where it would be.</summary>
    private int Place(ulong key)
    {
        int place = (int)((key * Multiplier) >> shift);
        while (keys[place] != 0 && keys[place] != key)
        {
            place = (place + 1) & (keys.Length - 1);
        }

        return place;
    }

    private static ulong Key(int node, char character) => (((ulong)node << KeyBits) | character) + 1;
}
