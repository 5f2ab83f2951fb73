using System.Globalization;
using System.Text.RegularExpressions;

namespace Lora.Selection;

/// <content>What parentheses mean.</content>
internal sealed partial class PatternTranslator
{
    private const string Unclosed = "a ( is not closed";
    private int? _groupsBeforeLookBehind;

    /// <summary>Translates what begins with <c>(?</c>.</summary>
    private PatternItem? Extension(int start, bool mayHaveFlags)
    {
        char c = _cursor.Next(Unclosed);
        switch (c)
        {
            case 'P':
                return Named(start);
            case ':':
                return new(start, Group("(?:"));
            case '>':
                return new(start, Group("(?>"));
            case '=' or '!':
                Group($"(?{c}");
                return new(start, PatternWidth.None);
            case '<':
                return LookBehind(start);
            case '(':
                return Conditional(start);
            case '#':
                _cursor.Until(')', "a comment is not closed");
                return null;
            default:
                _cursor.Position--;
                return Flags(start, mayHaveFlags);
        }
    }

    private PatternItem Named(int start)
    {
        if (_cursor.Accept('<'))
        {
            return Capture(start, _cursor.Until('>', "a group's name is not closed"));
        }

        return _cursor.Accept('=')
            ? Reference(start, _groups.Find(_cursor.Until(')', Unclosed)))
            : throw _cursor.Error("after (?P Python has only <name> and =name");
    }

    private PatternItem Capture(int start, string? name)
    {
        int group = _groups.Open(name);
        PatternWidth width = Group(string.Create(CultureInfo.InvariantCulture, $"(?<{group}>"));
        _groups.Close(group, width);
        return new(start, width);
    }

    private PatternItem Reference(int start, int group)
    {
        if (group > (_groupsBeforeLookBehind ?? group))
        {
            throw _cursor.Error("a look-behind refers to a group within itself");
        }

        PatternWidth width = _groups.WidthOf(group);
        _output.Append(CultureInfo.InvariantCulture, $"\\k<{group}>");
        return new(start, width);
    }

    private PatternItem LookBehind(int start)
    {
        char kind = _cursor.Next(Unclosed);
        if (kind is not ('=' or '!'))
        {
            throw _cursor.Error("Python writes a named group (?P<name>...); (?<name>...) is .NET's way only");
        }

        int? outer = _groupsBeforeLookBehind;
        _groupsBeforeLookBehind ??= _groups.Count;
        PatternWidth width = Group($"(?<{kind}");
        _groupsBeforeLookBehind = outer;
        return width.IsFixed
            ? new(start, PatternWidth.None)
            : throw _cursor.Error("Python allows a look-behind of one width only");
    }

    private PatternItem Conditional(int start)
    {
        int group = _groups.FindAny(_cursor.Until(')', Unclosed));
        _groups.WidthOf(group);
        _output.Append(CultureInfo.InvariantCulture, $"(?({group})");
        _depth++;
        PatternWidth width = Sequence(atStart: false);
        PatternWidth otherwise = PatternWidth.None;
        if (_cursor.Accept('|'))
        {
            _output.Append('|');
            otherwise = Sequence(atStart: false);
            if (_cursor.Peek == '|')
            {
                throw _cursor.Error("a condition has more than two branches");
            }
        }

        Close();
        _depth--;
        return new(start, width.Or(otherwise));
    }

    /// <summary>Translates <c>(?i)</c> at the pattern's start, which is no part of it, or <c>(?i-s:...)</c>.</summary>
    private PatternItem? Flags(int start, bool mayBeGlobal)
    {
        string on = _cursor.While(char.IsAsciiLetter);
        bool turnsOff = _cursor.Accept('-');
        string off = turnsOff ? _cursor.While(char.IsAsciiLetter) : "";
        if ((on + off).Any(flag => !"imsxu".Contains(flag, StringComparison.Ordinal)) || off.Contains('u', StringComparison.Ordinal) || (turnsOff && off.Length == 0))
        {
            throw _cursor.Error("after (? comes something that Python does not have or that cannot be translated");
        }

        if (_cursor.Accept(':'))
        {
            bool outer = _verbose;
            _verbose = (outer || on.Contains('x', StringComparison.Ordinal)) && !off.Contains('x', StringComparison.Ordinal);
            PatternWidth width = Group($"(?{Shared(on)}-{Shared(off)}:".Replace("-:", ":", StringComparison.Ordinal));
            _verbose = outer;
            return new(start, width);
        }

        if (on.Length == 0 || turnsOff || !_cursor.Accept(')'))
        {
            throw _cursor.Error("after (? comes something that Python does not have");
        }

        if (!mayBeGlobal)
        {
            throw _cursor.Error($"the flags (?{on}) stand at the start of a pattern only; for a part of it write (?{on}:...)");
        }

        _verbose |= on.Contains('x', StringComparison.Ordinal);
        Options |= on.Aggregate(RegexOptions.None, (options, flag) => options | OptionOf(flag));
        return null;
    }

    private PatternWidth Group(string opening)
    {
        _output.Append(opening);
        _depth++;
        PatternWidth width = Alternatives();
        Close();
        _depth--;
        return width;
    }

    private void Close()
    {
        if (!_cursor.Accept(')'))
        {
            throw _cursor.Error(Unclosed);
        }

        _output.Append(')');
    }

    /// <summary>The flags that .NET writes the same; verbose patterns lose their spaces here, and Unicode is the rule.</summary>
    private static string Shared(string flags) => string.Concat(flags.Where("ims".Contains));

    private static RegexOptions OptionOf(char flag) => flag switch
    {
        'i' => RegexOptions.IgnoreCase,
        'm' => RegexOptions.Multiline,
        's' => RegexOptions.Singleline,
        _ => RegexOptions.None,
    };
}
