using Lora.Text;

namespace Lora.Generation;

/// <summary>
/// Tokens that become text as they come. A character may have several tokens and a stop text too, so what may yet become either waits; the pieces
/// that are given out make up the whole text.
/// </summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="prompt">The tokens before.</param>
/// <param name="stop">Texts that end it.</param>
/// <param name="keepsSpecialTokens">Whether special tokens are spelled.</param>
internal sealed class GeneratedText(Tokenizer tokenizer, IReadOnlyList<int> prompt, IReadOnlyList<string> stop, bool keepsSpecialTokens)
{
    // A character has four bytes at the most; what is no character after that many tokens will not become one.
    private const int MostTokens = 4;
    private const char NoCharacter = '\uFFFD';

    private readonly System.Text.StringBuilder given = new();
    private readonly List<int> open = [];
    private bool follows = tokenizer.IsShown([.. prompt], !keepsSpecialTokens);
    private string held = "";

    /// <summary>The text so far.</summary>
    public string Text => given.ToString();

    /// <summary>Whether a stop text was said.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Takes a token.</summary>
    /// <returns>What there is to show by it.</returns>
    public string Add(int id)
    {
        open.Add(id);
        string text = Decode();
        if (text.EndsWith(NoCharacter) && open.Count < MostTokens)
        {
            return "";
        }

        Close();
        return Show(held + text, isLast: false);
    }

    /// <summary>Gives what waits, since nothing more comes.</summary>
    public string End()
    {
        string text = IsStopped ? "" : held + Decode();
        Close();
        return Show(text, isLast: true);
    }

    private string Decode() => tokenizer.Decode([.. open], !keepsSpecialTokens, follows);

    private void Close()
    {
        follows |= tokenizer.IsShown([.. open], !keepsSpecialTokens);
        open.Clear();
    }

    private string Show(string text, bool isLast)
    {
        int end = stop.Select(ending => text.IndexOf(ending, StringComparison.Ordinal)).Where(place => place >= 0).DefaultIfEmpty(-1).Min();
        IsStopped |= end >= 0;
        int shown = end >= 0 ? end : isLast ? text.Length : text.Length - Beginning(text);
        held = end >= 0 ? "" : text[shown..];
        given.Append(text, 0, shown);
        return text[..shown];
    }

    /// <summary>How many of the last characters may be the beginning of a stop text.</summary>
    private int Beginning(string text)
    {
        int longest = Math.Min(text.Length, stop.Select(ending => ending.Length - 1).DefaultIfEmpty(0).Max());
        for (int length = longest; length > 0; length--)
        {
            if (stop.Any(ending => ending.Length > length && string.CompareOrdinal(text, text.Length - length, ending, 0, length) == 0))
            {
                return length;
            }
        }

        return 0;
    }
}
