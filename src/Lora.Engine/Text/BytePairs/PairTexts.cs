using System.Runtime.InteropServices;
using System.Text.Json;

namespace Lora.Text;

/// <summary>
/// The "merges" of tokenizer.json as text, one pair behind the other. Half a million are usual: they are read in one go, without an object for each,
/// and looked up afterwards, which is quicker than both in turn.
/// </summary>
internal sealed class PairTexts
{
    private readonly List<(int Left, int Right)> starts = [];
    private readonly char[] text;
    private int end;

    private PairTexts(int longest) => text = new char[longest];

    public int Count => starts.Count;

    /// <summary>Reads a list of <c>"a b"</c> or of <c>["a", "b"]</c>.</summary>
    public static PairTexts Read(TokenizerNode node)
    {
        // Nothing has more UTF-16 units than bytes in the file.
        ReadOnlySpan<byte> json = JsonMarshal.GetRawUtf8Value(node.Of(JsonValueKind.Array, "a list").Element);
        PairTexts pairs = new(json.Length);
        Utf8JsonReader reader = new(json);
        reader.Read();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (!(reader.TokenType == JsonTokenType.String ? pairs.TryAddJoined(ref reader) : pairs.TryAddList(ref reader)))
            {
                throw node.Invalid($"the entry {pairs.Count} of \"merges\" is not a pair of tokens");
            }
        }

        return pairs;
    }

    /// <summary>What a pair makes.</summary>
    /// <param name="entry">The pair's number.</param>
    /// <param name="left">The characters of its left part.</param>
    public ReadOnlySpan<char> Token(int entry, out int left)
    {
        (int start, int middle) = starts[entry];
        left = middle - start;
        return text.AsSpan(start, (entry + 1 < starts.Count ? starts[entry + 1].Left : end) - start);
    }

    private bool TryAddJoined(ref Utf8JsonReader reader)
    {
        int start = end;
        Add(ref reader);
        int space = text.AsSpan(start, end - start).IndexOf(' ');
        if (space < 0 || text.AsSpan((start + space + 1)..end).Contains(' '))
        {
            return false;
        }

        // Without the space the text is that of the token which the pair makes.
        text.AsSpan((start + space + 1)..end).CopyTo(text.AsSpan(start + space));
        end--;
        starts.Add((start, start + space));
        return true;
    }

    private bool TryAddList(ref Utf8JsonReader reader)
    {
        int start = end;
        if (reader.TokenType != JsonTokenType.StartArray || !TryAddNext(ref reader))
        {
            return false;
        }

        starts.Add((start, end));
        return TryAddNext(ref reader) && reader.Read() && reader.TokenType == JsonTokenType.EndArray;
    }

    private bool TryAddNext(ref Utf8JsonReader reader)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.String)
        {
            return false;
        }

        Add(ref reader);
        return true;
    }

    private void Add(ref Utf8JsonReader reader) => end += reader.CopyString(text.AsSpan(end));
}
