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
    private readonly StandIns? standIns;
    private readonly StringBuilder output = new();
    private int depth;
    private bool verbose;
    private bool ascii;
    private bool ignoresCase;

    /// <param name="pattern">The whole pattern.</param>
    /// <param name="shown">The part that the user wrote, for messages.</param>
    /// <param name="standIns">The characters beyond U+FFFF of the one name that it is for; null for names without any.</param>
    /// <exception cref="LoraException">PatternInvalid, with what Python or .NET does not have.</exception>
    public PatternTranslator(string pattern, string shown, StandIns? standIns = null)
    {
        this.standIns = standIns;
        cursor = new(pattern, shown);
        groups = new(cursor);
        Alternatives();
        if (!cursor.AtEnd)
        {
            throw cursor.Error("a ) has no ( before it");
        }

        groups.CheckExpected();
    }

    /// <summary>The pattern in .NET's dialect.</summary>
    public string Pattern => output.ToString();

    /// <summary>The flags that stood at the pattern's start.</summary>
    public RegexOptions Options { get; private set; }

    /// <summary>The number of capturing groups.</summary>
    public int GroupCount => groups.Count;

    /// <summary>Whether there is a <c>|</c> outside of all parentheses.</summary>
    public bool HasOuterAlternation { get; private set; }

    private PatternCase? Fold => !ignoresCase ? null : ascii ? PatternCase.Ascii.Value : PatternCase.Unicode.Value;

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
            // .NET has no repetition that gives nothing back; one in an atomic group is the same.
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
        int c = cursor.Next("");
        switch (c)
        {
            case '(':
                return cursor.Accept('?') ? Extension(start, mayHaveFlags) : Capture(start, null);
            case '[':
                return One(start, PatternBrackets.Read(cursor, ascii, Fold));
            case '.':
                output.Append('.');
                return new(start, PatternWidth.One);
            // The same in both: $ is the end, or the place before a last line break.
            case '^' or '$':
                output.Append((char)c);
                return Place(start);
            case '\\':
                return Escaped(start, PatternEscape.Read(cursor));
            default:
                return Literal(start, c);
        }
    }

    private PatternItem Escaped(int start, PatternEscape escape)
    {
        if (escape.Character is int c)
        {
            return Literal(start, c);
        }

        if (escape.Group is int group)
        {
            return Reference(start, group);
        }

        if (escape.Class is char letter)
        {
            return One(start, PatternClasses.Alone(letter, ascii));
        }

        // Python's \Z is the very end; .NET's would allow a line break behind it.
        output.Append(escape.Place switch { 'A' => @"\A", 'Z' => @"\z", _ => Boundary(escape.Place!.Value) });
        return Place(start);
    }

    /// <summary><c>\b</c>, or <c>\B</c>, which in Python does not match an empty text.</summary>
    private string Boundary(char escape)
    {
        // Written out: .NET's \b has another notion of what belongs to a word.
        string word = Text(PatternClasses.Alone('w', ascii));
        return escape == 'b' ? $"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))" : $@"(?:(?!\A\z)(?:(?<={word})(?={word})|(?<!{word})(?!{word})))";
    }

    private PatternItem Literal(int start, int c)
    {
        bool isPlain = c <= char.MaxValue && standIns is null && !ignoresCase;
        output.Append(isPlain ? Regex.Escape(((char)c).ToString()) : Text(PatternSet.Of(c, Fold)));
        return new(start, PatternWidth.One);
    }

    private PatternItem One(int start, PatternSet set)
    {
        output.Append(Text(set));
        return new(start, PatternWidth.One);
    }

    private string Text(PatternSet set) => standIns?.Write(set) ?? set.Text;

    private static PatternItem Place(int start) => new(start, PatternWidth.None, "a repetition follows a place, which cannot be repeated");
}

/// <summary>One part of a sequence, as far as a repetition after it needs to know.</summary>
/// <param name="Start">Where its translation begins.</param>
/// <param name="Width">How many characters it can match.</param>
/// <param name="Obstacle">Why it cannot be repeated; null when it can.</param>
internal readonly record struct PatternItem(int Start, PatternWidth Width, string? Obstacle = null);
