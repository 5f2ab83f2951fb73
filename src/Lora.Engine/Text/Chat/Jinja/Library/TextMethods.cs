using System.Buffers;
using System.Globalization;
using System.Text;

namespace Lora.Text.Jinja;

/// <summary>The methods of Python's str.</summary>
internal static class TextMethods
{
    private static readonly Dictionary<string, Func<TextValue, Arguments, Value>> Known = new(StringComparer.Ordinal)
    {
        ["capitalize"] = (text, _) => text.With(Capitalize(text.Text)),
        ["count"] = (text, arguments) => new IntegerValue(Count(text, arguments.Text(0, "sub"))),
        ["endswith"] = (text, arguments) => BooleanValue.Of(Any(arguments, part => text.Text.EndsWith(part, StringComparison.Ordinal))),
        ["find"] = (text, arguments) => Place(text, text.Text.IndexOf(arguments.Text(0, "sub"), StringComparison.Ordinal)),
        ["format"] = (text, arguments) => text.With(BraceFormat.Apply(text.Text, arguments)),
        ["index"] = (text, arguments) => text.Text.IndexOf(arguments.Text(0, "sub"), StringComparison.Ordinal) is >= 0 and int place
            ? Place(text, place) : throw new JinjaFailure("substring not found"),
        ["isalnum"] = (text, _) => All(text, rune => Rune.IsLetterOrDigit(rune) || Rune.IsNumber(rune)),
        ["isalpha"] = (text, _) => All(text, Rune.IsLetter),
        // Superscripts and digits in circles too, which are no decimals.
        ["isdigit"] = (text, _) => All(text, rune => CharUnicodeInfo.GetDigitValue(rune.ToString(), 0) >= 0),
        ["isdecimal"] = (text, _) => All(text, Rune.IsDigit),
        ["isnumeric"] = (text, _) => All(text, Rune.IsNumber),
        ["islower"] = (text, _) => BooleanValue.Of(text.Text.Any(char.IsLower) && !text.Text.Any(char.IsUpper)),
        ["isspace"] = (text, _) => All(text, IsSpace),
        ["isupper"] = (text, _) => BooleanValue.Of(text.Text.Any(char.IsUpper) && !text.Text.Any(char.IsLower)),
        ["join"] = (text, arguments) => TextFilters.Join(text.Text, arguments.Required(0, "iterable").Items().Select(Joined), arguments.Budget),
        // Invariant: in a Turkish culture an I would become another letter, and the ids with it.
        ["lower"] = (text, _) => text.With(text.Text.ToLowerInvariant()),
        ["lstrip"] = (text, arguments) => text.With(Strip(text.Text, arguments.Optional(0, "chars"), start: true, end: false)),
        ["partition"] = (text, arguments) => SplitMethods.Partition(text, arguments.Text(0, "sep"), fromEnd: false),
        ["removeprefix"] = (text, arguments) => arguments.Text(0, "prefix") is string part && text.Text.StartsWith(part, StringComparison.Ordinal) ? text.With(text.Text[part.Length..]) : text,
        ["removesuffix"] = (text, arguments) => arguments.Text(0, "suffix") is string part && text.Text.EndsWith(part, StringComparison.Ordinal) ? text.With(text.Text[..^part.Length]) : text,
        ["replace"] = (text, arguments) => text.With(Replace(text.Text, arguments.Text(0, "old"), arguments.Text(1, "new"), arguments.Integer(2, "count", -1), arguments.Budget)),
        ["rfind"] = (text, arguments) => Place(text, text.Text.LastIndexOf(arguments.Text(0, "sub"), StringComparison.Ordinal)),
        ["rpartition"] = (text, arguments) => SplitMethods.Partition(text, arguments.Text(0, "sep"), fromEnd: true),
        ["rsplit"] = (text, arguments) => SplitMethods.Split(text, arguments, fromEnd: true),
        ["rstrip"] = (text, arguments) => text.With(Strip(text.Text, arguments.Optional(0, "chars"), start: false, end: true)),
        ["split"] = (text, arguments) => SplitMethods.Split(text, arguments, fromEnd: false),
        ["splitlines"] = (text, arguments) => SplitMethods.Lines(text, arguments.Flag(0, "keepends")),
        ["startswith"] = (text, arguments) => BooleanValue.Of(Any(arguments, part => text.Text.StartsWith(part, StringComparison.Ordinal))),
        ["strip"] = (text, arguments) => text.With(Strip(text.Text, arguments.Optional(0, "chars"), start: true, end: true)),
        ["title"] = (text, _) => text.With(Title(text.Text)),
        ["upper"] = (text, _) => text.With(text.Text.ToUpperInvariant()),
    };

    public static FunctionValue? Find(TextValue text, string name) => Known.TryGetValue(name, out Func<TextValue, Arguments, Value>? method)
        ? new FunctionValue(name, arguments =>
        {
            // Every method walks through its text: a loop of calls costs as much as the text is long.
            arguments.Budget.Read(text);
            return method(text, arguments);
        })
        : null;

    /// <summary>strip(): white space, or any of some characters, from either end.</summary>
    public static string Strip(string text, Value? characters, bool start, bool end)
    {
        Rune[] given = characters is null or NoneValue ? [] : [.. PythonText.Str(characters).EnumerateRunes()];
        Func<Rune, bool> goes = characters is null or NoneValue ? IsSpace : given.Contains;
        ReadOnlySpan<char> kept = text;
        while (start && Rune.DecodeFromUtf16(kept, out Rune first, out int units) != OperationStatus.NeedMoreData && goes(first))
        {
            kept = kept[units..];
        }

        while (end && Rune.DecodeLastFromUtf16(kept, out Rune last, out int units) != OperationStatus.NeedMoreData && goes(last))
        {
            kept = kept[..^units];
        }

        return kept.ToString();
    }

    /// <summary>replace(); an empty text is found between all characters.</summary>
    public static string Replace(string text, string old, string replacement, int count, Budget budget)
    {
        StringBuilder result = new();
        int from = 0;
        for (int done = 0; count < 0 || done < count; done++)
        {
            int found = old.Length > 0 ? text.IndexOf(old, from, StringComparison.Ordinal) : done == 0 ? 0 : Following(text, from);
            if (found < 0)
            {
                break;
            }

            budget.Create(replacement.Length);
            result.Append(text, from, found - from).Append(replacement);
            from = found + old.Length;
        }

        return result.Append(text, from, text.Length - from).ToString();
    }

    public static string Capitalize(string text)
    {
        int first = Math.Max(0, Following(text, 0));
        return text[..first].ToUpperInvariant() + text[first..].ToLowerInvariant();
    }

    public static string Title(string text)
    {
        StringBuilder result = new(text.Length);
        bool begins = true;
        foreach (Rune rune in text.EnumerateRunes())
        {
            result.Append((begins ? Rune.ToUpperInvariant(rune) : Rune.ToLowerInvariant(rune)).ToString());
            // As str.title has it: the letter behind an apostrophe begins a word too, and so does one behind a letter without case.
            begins = !Rune.IsUpper(rune) && !Rune.IsLower(rune);
        }

        return result.ToString();
    }

    /// <summary>Python's white space: the separators U+001C to U+001F too.</summary>
    public static bool IsSpace(char character) => char.IsWhiteSpace(character) || character is >= '\u001C' and <= '\u001F';

    public static bool IsSpace(Rune rune) => rune.IsBmp && IsSpace((char)rune.Value);

    /// <summary>The index behind the character at another, or -1 behind the last.</summary>
    private static int Following(string text, int at) => at >= text.Length ? -1 : at + (char.IsSurrogatePair(text, at) ? 2 : 1);

    // Python counts code points, an index here UTF-16 units.
    private static IntegerValue Place(TextValue text, int index) => new(index < 0 ? -1 : text.CodePoints(index));

    private static BooleanValue All(TextValue text, Func<Rune, bool> holds) => BooleanValue.Of(text.Text.Length > 0 && text.Text.EnumerateRunes().All(holds));

    // A tuple alone: Python refuses a list of prefixes.
    private static bool Any(Arguments arguments, Func<string, bool> holds) => arguments.Required(0, "prefix") is ListValue { Kind: ListKind.Tuple } several
        ? several.Members.Any(part => holds(PythonText.Str(part)))
        : holds(arguments.Text(0, "prefix"));

    private static int Count(TextValue text, string part)
    {
        if (part.Length == 0)
        {
            return text.Length + 1;
        }

        int count = 0;
        for (int at = text.Text.IndexOf(part, StringComparison.Ordinal); at >= 0; at = text.Text.IndexOf(part, at + part.Length, StringComparison.Ordinal))
        {
            count++;
        }

        return count;
    }

    private static Value Joined(Value member) => member as TextValue ?? throw new JinjaFailure($"join() takes strings, and '{member.TypeName}' found");
}
