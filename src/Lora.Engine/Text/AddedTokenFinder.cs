using System.Buffers;
using System.Text;

namespace Lora.Text;

/// <summary>Finds added tokens in a text: the leftmost, and of those that begin there the longest.</summary>
internal sealed class AddedTokenFinder
{
    private readonly Dictionary<string, AddedToken> tokens = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AddedToken>.AlternateLookup<ReadOnlySpan<char>> lookup;
    private readonly Dictionary<char, int[]> lengths;
    private readonly SearchValues<string> contents;

    /// <summary>Takes the characters to look for, each with its token.</summary>
    public AddedTokenFinder(IEnumerable<(string Content, AddedToken Token)> found)
    {
        foreach ((string content, AddedToken token) in found.Where(pair => pair.Content.Length > 0))
        {
            tokens[content] = token;
        }

        lookup = tokens.GetAlternateLookup<ReadOnlySpan<char>>();
        // The longest first: the reference library matches leftmost-longest, whatever the order of the file.
        lengths = tokens.Keys.GroupBy(content => content[0])
            .ToDictionary(group => group.Key, group => group.Select(content => content.Length).Distinct().OrderDescending().ToArray());
        // Gemma has 6,415 of them; as one regular expression they made encoding ten times slower.
        contents = SearchValues.Create([.. tokens.Keys], StringComparison.Ordinal);
        HasSpecial = tokens.Values.Any(token => token.Special);
    }

    /// <summary>Whether there is a special token among them.</summary>
    public bool HasSpecial { get; }

    /// <summary>The next token at or after a place, with the characters that it takes; the end of the text when there is none.</summary>
    /// <param name="text">The text.</param>
    /// <param name="from">The place.</param>
    /// <param name="literal">Stretches of the text, in order, of whose characters no special token is made.</param>
    public (int Start, int End, AddedToken? Token) Next(string text, int from, IReadOnlyList<Range>? literal = null)
    {
        int searched = from;
        while (searched < text.Length)
        {
            int offset = text.AsSpan(searched).IndexOfAny(contents);
            if (offset < 0)
            {
                break;
            }

            int start = searched + offset;
            AddedToken? token = LongestAt(text, start, literal, out int end);
            if (token is not null && (!token.SingleWord || (!EndsWithWord(text.AsSpan(0, start)) && !StartsWithWord(text.AsSpan(end)))))
            {
                return Stripped(text, from, start, end, token);
            }

            // A token that stands inside a word is passed over whole: the reference library seeks no other within it.
            searched = end;
        }

        return (text.Length, text.Length, null);
    }

    /// <summary>The longest token that begins at a place; null where it would be made of literal characters, and then the next place is as far.</summary>
    private AddedToken? LongestAt(string text, int start, IReadOnlyList<Range>? literal, out int end)
    {
        foreach (int length in lengths[text[start]])
        {
            if (start + length <= text.Length && lookup.TryGetValue(text.AsSpan(start, length), out AddedToken? token)
                && !(token.Special && Literal.Overlaps(literal, start, start + length)))
            {
                end = start + length;
                return token;
            }
        }

        end = start + 1;
        return null;
    }

    private static (int Start, int End, AddedToken Token) Stripped(string text, int from, int start, int end, AddedToken token)
    {
        // Only back to where the search began: white space before that belongs to an earlier token.
        while (token.StripLeft && start > from && char.IsWhiteSpace(text[start - 1]))
        {
            start--;
        }

        while (token.StripRight && end < text.Length && char.IsWhiteSpace(text[end]))
        {
            end++;
        }

        return (start, end, token);
    }

    private static bool EndsWithWord(ReadOnlySpan<char> text) =>
        Rune.DecodeLastFromUtf16(text, out Rune rune, out _) == OperationStatus.Done && CharacterClass.Word.Contains(rune);

    private static bool StartsWithWord(ReadOnlySpan<char> text) =>
        Rune.DecodeFromUtf16(text, out Rune rune, out _) == OperationStatus.Done && CharacterClass.Word.Contains(rune);
}
