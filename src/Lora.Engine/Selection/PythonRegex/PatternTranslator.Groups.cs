using System.Globalization;
using System.Text.RegularExpressions;

namespace Lora.Selection;

/// <content>What parentheses mean.</content>
internal sealed partial class PatternTranslator
{
    private const string Unclosed = "a ( is not closed";
    private const string WithinItself = "a look-behind refers to a group within itself";

    /// <summary>Patterns come from files, and each level takes stack; Python's own limit lies in the same range.</summary>
    private const int MostLevels = 250;

    private int? groupsBeforeLookBehind;

    /// <summary>Translates what begins with <c>(?</c>.</summary>
    private PatternItem? Extension(int start, bool mayHaveFlags)
    {
        int c = cursor.Next(Unclosed);
        switch (c)
        {
            case 'P':
                return Named(start);
            case ':':
                return new(start, Group("(?:"));
            case '>':
                return new(start, Group("(?>"));
            case '=' or '!':
                Group($"(?{(char)c}");
                return new(start, PatternWidth.None);
            case '<':
                return LookBehind(start);
            case '(':
                return Conditional(start);
            case '#':
                cursor.Until(')', "a comment is not closed");
                return null;
            default:
                cursor.Position--;
                return Flags(start, mayHaveFlags);
        }
    }

    private PatternItem Named(int start)
    {
        if (cursor.Accept('<'))
        {
            return Capture(start, cursor.Until('>', "a group's name is not closed"));
        }

        return cursor.Accept('=')
            ? Reference(start, groups.Find(cursor.Until(')', Unclosed)))
            : throw cursor.Error("after (?P Python has only <name> and =name");
    }

    private PatternItem Capture(int start, string? name)
    {
        int group = groups.Open(name);
        PatternWidth width = Group(string.Create(CultureInfo.InvariantCulture, $"(?<{group}>"));
        groups.Close(group, width);
        return new(start, width);
    }

    private PatternItem Reference(int start, int group)
    {
        if (group > (groupsBeforeLookBehind ?? group))
        {
            throw cursor.Error(WithinItself);
        }

        PatternWidth width = groups.WidthOf(group);
        // A group's text cannot be written as sets of characters, so here .NET's own notion of case has to do.
        output.Append(CultureInfo.InvariantCulture, $"(?{(ignoresCase ? "i" : "")}:\\k<{group}>)");
        return new(start, width);
    }

    private PatternItem LookBehind(int start)
    {
        char kind = (char)cursor.Next(Unclosed);
        if (kind is not ('=' or '!'))
        {
            throw cursor.Error("Python writes a named group (?P<name>...); (?<name>...) is .NET's way only");
        }

        int? outer = groupsBeforeLookBehind;
        // Python lets a look-behind refer to no group that it opens itself, an inner one neither to those of the outer.
        groupsBeforeLookBehind ??= groups.Count;
        PatternWidth width = Group($"(?<{kind}");
        groupsBeforeLookBehind = outer;
        return width.IsFixed
            ? new(start, PatternWidth.None)
            : throw cursor.Error("Python allows a look-behind of one width only");
    }

    private PatternItem Conditional(int start)
    {
        int group = groups.FindCondition(cursor.Until(')', Unclosed));
        if (group > (groupsBeforeLookBehind ?? group))
        {
            throw cursor.Error(WithinItself);
        }

        output.Append(CultureInfo.InvariantCulture, $"(?({group})");
        Descend();
        PatternWidth width = Sequence(atStart: false);
        PatternWidth otherwise = PatternWidth.None;
        if (cursor.Accept('|'))
        {
            output.Append('|');
            otherwise = Sequence(atStart: false);
            if (cursor.Peek == '|')
            {
                throw cursor.Error("a condition has more than two branches");
            }
        }

        Close();
        depth--;
        return new(start, width.Or(otherwise));
    }

    /// <summary>Translates <c>(?i)</c> at the pattern's start, which is no part of it, or <c>(?i-s:...)</c>.</summary>
    private PatternItem? Flags(int start, bool mayBeGlobal)
    {
        string on = cursor.While(char.IsAsciiLetter);
        bool turnsOff = cursor.Accept('-');
        string off = turnsOff ? cursor.While(char.IsAsciiLetter) : "";
        if ((on + off).Any(flag => !"aimsxu".Contains(flag, StringComparison.Ordinal)) || off.AsSpan().ContainsAny('a', 'u') || (on.Contains('a', StringComparison.Ordinal) && on.Contains('u', StringComparison.Ordinal)) || (turnsOff && off.Length == 0))
        {
            throw cursor.Error("after (? comes something that Python does not have or that cannot be translated");
        }

        if (cursor.Accept(':'))
        {
            (bool outer, bool outerAscii, bool outerCase) = (verbose, ascii, ignoresCase);
            ascii = on.Contains('a', StringComparison.Ordinal) || (outerAscii && !on.Contains('u', StringComparison.Ordinal));
            ignoresCase = (outerCase || on.Contains('i', StringComparison.Ordinal)) && !off.Contains('i', StringComparison.Ordinal);
            verbose = (outer || on.Contains('x', StringComparison.Ordinal)) && !off.Contains('x', StringComparison.Ordinal);
            PatternWidth width = Group($"(?{Shared(on)}-{Shared(off)}:".Replace("-:", ":", StringComparison.Ordinal));
            (verbose, ascii, ignoresCase) = (outer, outerAscii, outerCase);
            return new(start, width);
        }

        if (on.Length == 0 || turnsOff || !cursor.Accept(')'))
        {
            throw cursor.Error("after (? comes something that Python does not have");
        }

        if (!mayBeGlobal)
        {
            throw cursor.Error($"the flags (?{on}) stand at the start of a pattern only; for a part of it write (?{on}:...)");
        }

        verbose |= on.Contains('x', StringComparison.Ordinal);
        ascii |= on.Contains('a', StringComparison.Ordinal);
        ignoresCase |= on.Contains('i', StringComparison.Ordinal);
        Options |= on.Aggregate(RegexOptions.None, (options, flag) => options | OptionOf(flag));
        return null;
    }

    private PatternWidth Group(string opening)
    {
        output.Append(opening);
        Descend();
        PatternWidth width = Alternatives();
        Close();
        depth--;
        return width;
    }

    private void Descend()
    {
        if (++depth > MostLevels)
        {
            throw cursor.Error($"its parentheses are nested more than {MostLevels} deep");
        }
    }

    private void Close()
    {
        if (!cursor.Accept(')'))
        {
            throw cursor.Error(Unclosed);
        }

        output.Append(')');
    }

    /// <summary>The flags that .NET writes the same; verbose patterns lose their spaces here, Unicode is the rule, and case is in every character's set.</summary>
    private static string Shared(string flags) => string.Concat(flags.Where("ms".Contains));

    private static RegexOptions OptionOf(char flag) => flag switch
    {
        'm' => RegexOptions.Multiline,
        's' => RegexOptions.Singleline,
        _ => RegexOptions.None,
    };
}
