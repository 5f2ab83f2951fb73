using System.Globalization;
using System.Text;

namespace Lora.Text;

/// <summary>
/// A text in which every code point is one character, for regular expressions written for code points: .NET matches UTF-16 units, so each
/// supplementary code point is replaced by one character of its own general category.
/// </summary>
internal sealed class ShadowText
{
    private readonly string original;
    private int asked;
    private int answered;

    public ShadowText(string original)
    {
        this.original = original;
        if (!original.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            Text = original;
            return;
        }

        StringBuilder shadow = new(original.Length);
        foreach (Rune rune in original.EnumerateRunes())
        {
            shadow.Append(rune.IsBmp ? (char)rune.Value : Representative(Rune.GetUnicodeCategory(rune)));
        }

        Text = shadow.ToString();
    }

    public string Text { get; }

    /// <summary>The place in the original of a place in <see cref="Text"/>, which is not before the one asked for last.</summary>
    public int Original(int position)
    {
        if (ReferenceEquals(Text, original))
        {
            return position;
        }

        for (; asked < position; asked++)
        {
            answered += char.IsSurrogatePair(original, answered) ? 2 : 1;
        }

        return answered;
    }

    // None of ASCII, whose letters patterns name one by one; and each of the plane that one char holds.
    private static char Representative(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter => 'Б',
        UnicodeCategory.LowercaseLetter => 'б',
        UnicodeCategory.TitlecaseLetter => 'ǅ',
        UnicodeCategory.ModifierLetter => 'ʰ',
        UnicodeCategory.OtherLetter => '丁',
        UnicodeCategory.DecimalDigitNumber => '٠',
        UnicodeCategory.LetterNumber => 'Ⅰ',
        UnicodeCategory.OtherNumber => '¼',
        UnicodeCategory.NonSpacingMark => '\u0300',
        UnicodeCategory.SpacingCombiningMark => '\u0903',
        UnicodeCategory.EnclosingMark => '\u0488',
        UnicodeCategory.OtherPunctuation => '¡',
        UnicodeCategory.DashPunctuation => '‐',
        UnicodeCategory.Format => '\u200B',
        UnicodeCategory.PrivateUse => '\uE000',
        UnicodeCategory.OtherNotAssigned => '\u0378',
        _ => '☃',
    };
}
