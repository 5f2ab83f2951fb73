using System.Text.RegularExpressions;
using Lora.Native;

namespace Lora.Text;

/// <summary>A pattern of tokenizer.json: <c>{"String": ...}</c> to be met literally, or <c>{"Regex": ...}</c> in Oniguruma's syntax.</summary>
internal sealed class TextPattern
{
    /// <summary>The processor's time that one match may take; real patterns take microseconds.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);

    // A match that was given up and has taken less than this waited for a processor most of the time.
    private static readonly TimeSpan OwnTime = 0.9 * Timeout;

    // All matches of a text may take a millisecond more for so many of its characters: a hundred times what real patterns take.
    private const int CharactersPerMillisecond = 100;

    // After so many milliseconds the matches so far are given, so that the caller can stop.
    private const int Moment = 50;

    private const int MatchesAtOnce = 256;

    // Real patterns have some hundred characters; compiling takes time and memory in proportion.
    private const int LongestPattern = 10_000;

    private readonly Regex regex;
    private readonly string file;

    /// <summary>Takes a pattern in .NET's syntax.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="file">The tokenizer.json that it is from.</param>
    public TextPattern(string pattern, string file = "tokenizer.json")
    {
        this.file = file;
        regex = new(pattern, RegexOptions.Compiled | RegexOptions.CultureInvariant, Timeout);
    }

    public static TextPattern Read(TokenizerNode node)
    {
        if (node.OptionalText("String") is string literal)
        {
            return new(Regex.Escape(literal), node.File);
        }

        string regex = node.Text("Regex");
        if (regex.Length > LongestPattern)
        {
            throw node.Invalid($"a regular expression has {regex.Length} characters; expected are at most {LongestPattern}");
        }

        if (HasSetOperation(regex))
        {
            throw node.Unsupported("a set operation in the regular expression", regex);
        }

        try
        {
            return new(regex, node.File);
        }
        catch (RegexParseException exception)
        {
            throw LoraException.From(exception, LoraError.TokenizerUnsupported, node.File, node.File, "the regular expression", regex);
        }
    }

    /// <summary>The whole text as consecutive spans, those that match and those between them; sought when they are asked for.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.PatternTimeout"/>.</exception>
    public IEnumerable<PatternSpan> Spans(string text)
    {
        ShadowText shadow = new(text);
        List<Range> matches = new(Math.Min(MatchesAtOnce, text.Length));
        TimeSpan left = Timeout + TimeSpan.FromMilliseconds(text.Length / CharactersPerMillisecond);
        int end = 0;
        int searched = 0;
        while (searched <= shadow.Text.Length)
        {
            searched = Search(shadow.Text, searched, matches, ref left);
            foreach (Range match in matches)
            {
                if (match.Start.Value > end)
                {
                    yield return Span(end, match.Start.Value, isMatch: false);
                }

                end = match.End.Value;
                if (end > match.Start.Value)
                {
                    yield return Span(match.Start.Value, end, isMatch: true);
                }
            }
        }

        if (shadow.Text.Length > end)
        {
            yield return Span(end, shadow.Text.Length, isMatch: false);
        }

        PatternSpan Span(int from, int to, bool isMatch) => new(shadow.Original(from), shadow.Original(to), isMatch);
    }

    /// <summary>Takes the next matches, for a moment, and returns where to search on: beyond the text when there are no more.</summary>
    private int Search(string text, int from, List<Range> matches, ref TimeSpan left)
    {
        matches.Clear();
        TimeSpan begun = ThreadClock.Now;
        long start = Environment.TickCount64;
        int searched = from;
        try
        {
            foreach (ValueMatch match in regex.EnumerateMatches(text, from))
            {
                matches.Add(match.Index..(match.Index + match.Length));
                searched = match.Index + Math.Max(match.Length, 1);
                if (matches.Count == MatchesAtOnce || Environment.TickCount64 - start > Moment)
                {
                    left -= ThreadClock.Now - begun;
                    return left > TimeSpan.Zero ? searched : throw new RegexMatchTimeoutException(text, regex.ToString(), Timeout);
                }
            }
        }
        catch (RegexMatchTimeoutException) when (ThreadClock.Now - begun < OwnTime && ThreadClock.Now - begun < left)
        {
            // .NET looks at the clock on the wall: the thread waited for a processor, and searches on.
            left -= ThreadClock.Now - begun;
            return searched;
        }
        catch (RegexMatchTimeoutException exception)
        {
            throw LoraException.From(
                exception, LoraError.PatternTimeout, file, exception.Pattern, exception.MatchTimeout.TotalMilliseconds, $"a text, which '{file}' splits by it");
        }

        return text.Length + 1;
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
