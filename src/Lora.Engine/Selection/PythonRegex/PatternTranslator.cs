using System.Text;
using System.Text.RegularExpressions;

namespace Lora.Selection;

/// <summary>
/// Translates a Python regular expression to .NET's dialect. It is read as Python reads it and written in the constructs that both agree on,
/// so that what only one of them accepts is an error and not another meaning. Groups get their Python number as their .NET name.
/// </summary>
internal sealed partial class PatternTranslator
{
    private readonly PatternCursor cursor;
    private readonly PatternGroups groups;
    private readonly StringBuilder output = new();
    private int depth;
    private bool verbose;
    private bool ascii;

    /// <param name="pattern">The whole pattern.</param>
    /// <param name="shown">The part that the user wrote, for messages.</param>
    /// <exception cref="LoraException">PatternInvalid, with what Python or .NET does not have.</exception>
    public PatternTranslator(string pattern, string shown)
    {
        cursor = new(pattern, shown);
        groups = new(cursor);
        Alternatives();
        if (!cursor.AtEnd)
        {
            throw cursor.Error("a ) has no ( before it");
        }
    }

    /// <summary>The pattern in .NET's dialect.</summary>
    public string Pattern => output.ToString();

    /// <summary>The flags that stood at the pattern's start.</summary>
    public RegexOptions Options { get; private set; }

    /// <summary>The number of capturing groups.</summary>
    public int GroupCount => groups.Count;

    /// <summary>Whether there is a <c>|</c> outside of all parentheses.</summary>
    public bool HasOuterAlternation { get; private set; }

    private PatternWidth Alternatives()
    {
        PatternWidth width = Sequence(atStart: depth == 0);
        while (cursor.Accept('|'))
        {
            HasOuterAlternation |= depth == 0;
            output.Append('|');
            width = width.Or(Sequence(atStart: false));
        }

        return width;
    }

    private PatternWidth Sequence(bool atStart)
    {
        PatternWidth before = PatternWidth.None;
        PatternItem? last = null;
        while (!cursor.AtEnd && cursor.Peek is not ('|' or ')'))
        {
            if (verbose && SkipSpace())
            {
                continue;
            }

            if (PatternRepeat.TryRead(cursor) is PatternRepeat repeat)
            {
                last = Repeat(last, repeat);
            }
            else if (Item(mayHaveFlags: atStart && last is null) is PatternItem item)
            {
                before = before.Then(last?.Width ?? PatternWidth.None);
                last = item;
            }
        }

        return before.Then(last?.Width ?? PatternWidth.None);
    }

    /// <summary>Skips a white space or a comment of a verbose pattern.</summary>
    private bool SkipSpace()
    {
        if (cursor.Accept('#'))
        {
            cursor.While(c => c != '\n');
            return true;
        }

        return cursor.While(c => c is ' ' or '\t' or '\n' or '\r' or '\v' or '\f').Length > 0;
    }

    private PatternItem Repeat(PatternItem? last, PatternRepeat repeat)
    {
        if (last is not PatternItem item || item.Obstacle is not null)
        {
            throw cursor.Error(last?.Obstacle ?? "a repetition has nothing to repeat");
        }

        if (repeat.Mode == "+")
        {
            output.Insert(item.Start, "(?>").Append(repeat.Count).Append(')');
        }
        else
        {
            output.Append(repeat.Count).Append(repeat.Mode);
        }

        return item with { Width = item.Width.Repeated(repeat.Least, repeat.Most ?? int.MaxValue), Obstacle = "a repetition follows a repetition" };
    }

    /// <summary>Translates one part; returns null for a comment or flags, which are none.</summary>
    private PatternItem? Item(bool mayHaveFlags)
    {
        int start = output.Length;
        char c = cursor.Next("");
        switch (c)
        {
            case '(':
                return cursor.Accept('?') ? Extension(start, mayHaveFlags) : Capture(start, null);
            case '[':
                output.Append(PatternBrackets.Translate(cursor, ascii));
                return new(start, PatternWidth.One);
            case '.':
                output.Append(c);
                return new(start, PatternWidth.One);
            case '^' or '$':
                output.Append(c);
                return Place(start);
            case '\\':
                return Escaped(start, PatternEscape.Read(cursor, ascii));
            default:
                return Literal(start, c);
        }
    }

    private PatternItem Escaped(int start, PatternEscape escape)
    {
        if (escape.Character is char c)
        {
            return Literal(start, c);
        }

        if (escape.Group is int group)
        {
            return Reference(start, group);
        }

        output.Append(escape.Class ?? escape.Place);
        return escape.Class is null ? Place(start) : new(start, PatternWidth.One);
    }

    private PatternItem Literal(int start, char c)
    {
        if (char.IsSurrogate(c))
        {
            throw cursor.Error("characters above U+FFFF cannot be translated");
        }

        output.Append(Regex.Escape(c.ToString()));
        return new(start, PatternWidth.One);
    }

    private static PatternItem Place(int start) => new(start, PatternWidth.None, "a repetition follows a place, which cannot be repeated");
}

/// <summary>One part of a sequence, as far as a repetition after it needs to know.</summary>
/// <param name="Start">Where its translation begins.</param>
/// <param name="Width">How many characters it can match.</param>
/// <param name="Obstacle">Why it cannot be repeated; null when it can.</param>
internal readonly record struct PatternItem(int Start, PatternWidth Width, string? Obstacle = null);
