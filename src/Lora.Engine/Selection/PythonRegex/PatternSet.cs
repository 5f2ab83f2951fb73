using System.Globalization;

namespace Lora.Selection;

/// <summary>The characters that one place of a pattern can match.</summary>
/// <param name="Text">.NET's expression for one of them, as far as they are no more than U+FFFF.</param>
/// <param name="Contains">Whether a character beyond U+FFFF is among them.</param>
internal sealed record PatternSet(string Text, Func<int, bool> Contains)
{
    /// <summary>What no character is in; .NET has no empty brackets.</summary>
    private const string Nothing = @"[^\s\S]";

    /// <summary>One character, and with <paramref name="fold"/> those that differ from it in case alone.</summary>
    public static PatternSet Of(int character, PatternCase? fold) => OfRanges([(character, character)], [], isNegated: false, ascii: false, fold);

    /// <summary>What <c>[...]</c> or <c>[^...]</c> holds.</summary>
    /// <param name="ranges">Characters, from the first to the last.</param>
    /// <param name="classes">The letters of classes such as <c>\w</c>.</param>
    /// <param name="isNegated">Whether it is all others.</param>
    /// <param name="ascii">Whether classes are those of ASCII.</param>
    /// <param name="fold">What makes characters the same; null where case counts.</param>
    public static PatternSet OfRanges(IReadOnlyList<(int From, int To)> ranges, IReadOnlyList<char> classes, bool isNegated, bool ascii, PatternCase? fold)
    {
        IEnumerable<(int From, int To)> folded = fold is null ? ranges : ranges.Concat(ranges.SelectMany(fold.Others).Select(other => (other, other)));
        string members = string.Concat(folded.Where(range => range.From <= char.MaxValue).Select(Range)) + string.Concat(classes.Select(letter => PatternClasses.InBrackets(letter, ascii)));
        string text = members.Length == 0 ? (isNegated ? @"[\s\S]" : Nothing) : isNegated ? $"[^{members}]" : $"[{members}]";
        return new(text, character => isNegated != (classes.Any(letter => PatternClasses.Contains(letter, ascii, character))
            || (fold?.AllOf(character) ?? [character]).Any(same => ranges.Any(range => range.From <= same && same <= range.To))));
    }

    private static string Range((int From, int To) range) =>
        range.From == range.To ? Number(range.From) : $"{Number(range.From)}-{Number(Math.Min(range.To, char.MaxValue))}";

    // By their numbers, so that .NET's own syntax of brackets has no part in it.
    private static string Number(int character) =>
        character < 128 && char.IsAsciiLetterOrDigit((char)character) ? ((char)character).ToString() : string.Create(CultureInfo.InvariantCulture, $"\\u{character:X4}");
}
