using System.Text.RegularExpressions;

namespace Lora.Text;

/// <summary>A pattern of tokenizer.json: <c>{"String": ...}</c> to be met literally, or <c>{"Regex": ...}</c> in Oniguruma's syntax.</summary>
internal sealed class TextPattern
{
    private readonly Regex regex;

    public TextPattern(string pattern) => regex = new(pattern, RegexOptions.Compiled | RegexOptions.CultureInvariant);

    public static TextPattern Read(TokenizerNode node)
    {
        if (node.OptionalText("String") is string literal)
        {
            return new(Regex.Escape(literal));
        }

        string regex = node.Text("Regex");
        if (HasSetOperation(regex))
        {
            throw node.Unsupported("a set operation in the regular expression", regex);
        }

        try
        {
            return new(regex);
        }
        catch (RegexParseException exception)
        {
            throw LoraException.From(exception, LoraError.TokenizerUnsupported, node.File, node.File, "the regular expression", regex);
        }
    }

    /// <summary>The whole text as consecutive spans, those that match and those between them.</summary>
    public List<PatternSpan> Spans(string text)
    {
        ShadowText shadow = new(text);
        List<PatternSpan> spans = [];
        int end = 0;
        foreach (ValueMatch match in regex.EnumerateMatches(shadow.Text))
        {
            Add(end, match.Index, isMatch: false);
            end = match.Index + match.Length;
            Add(match.Index, end, isMatch: true);
        }

        Add(end, shadow.Text.Length, isMatch: false);
        return spans;

        void Add(int from, int to, bool isMatch)
        {
            if (to > from)
            {
                spans.Add(new(shadow.Original(from), shadow.Original(to), isMatch));
            }
        }
    }

    /// <summary>Oniguruma reads <c>[</c> and <c>&amp;&amp;</c> inside a class as set operations, .NET as characters: a difference that must not pass unseen.</summary>
    private static bool HasSetOperation(string regex)
    {
        bool inClass = false;
        for (int index = 0; index < regex.Length; index++)
        {
            switch (regex[index])
            {
                case '\\':
                    index++;
                    break;
                case '[' when inClass:
                case '&' when inClass && index + 1 < regex.Length && regex[index + 1] == '&':
                    return true;
                case '[':
                    inClass = true;
                    break;
                case ']':
                    inClass = false;
                    break;
            }
        }

        return false;
    }
}

/// <summary>A stretch of a text that a pattern matches, or one between matches.</summary>
internal readonly record struct PatternSpan(int Start, int End, bool IsMatch);
