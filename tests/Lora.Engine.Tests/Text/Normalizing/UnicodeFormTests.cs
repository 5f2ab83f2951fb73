using System.Globalization;
using System.Text;
using Lora.Text;

namespace Lora.Tests.Text;

/// <summary>Our own tables against ICU's, through .NET's string.Normalize; equality is exact. Characters that this ICU does not know yet stay as they are in it.</summary>
public class UnicodeFormTests
{
    private static readonly Dictionary<NormalizationForm, UnicodeForm> Forms = new()
    {
        [NormalizationForm.FormC] = UnicodeForm.C,
        [NormalizationForm.FormD] = UnicodeForm.D,
        [NormalizationForm.FormKC] = UnicodeForm.KC,
        [NormalizationForm.FormKD] = UnicodeForm.KD,
    };

    // Noncharacters, which .NET refuses: 32 in a row, and the last two of each plane.
    private static readonly int[] CodePoints =
        [.. Enumerable.Range(0, 0x110000).Where(code => code is < 0xD800 or (> 0xDFFF and < 0xFDD0) or > 0xFDEF && (code & 0xFFFE) != 0xFFFE)];

    public static TheoryData<NormalizationForm> Names => [.. Forms.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_code_point_has_the_form_that_ICU_gives_it(NormalizationForm form)
    {
        Assert.SkipWhen(IsInvariant(), "Without ICU .NET leaves every text as it is.");
        string[] different = [.. CodePoints.Where(code => Ours(Text(code), form) != Text(code).Normalize(form) && !IsNewerThanIcu(code, form))
            .Select(code => code.ToString("X", CultureInfo.InvariantCulture))];
        Assert.Empty(different);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Random_texts_of_marks_letters_and_syllables_have_the_form_that_ICU_gives_them(NormalizationForm form)
    {
        Assert.SkipWhen(IsInvariant(), "Without ICU .NET leaves every text as it is.");
        Random random = new(1);
        int[] changing = [.. CodePoints.Where(code => IsKnown(code) && (Text(code).Normalize(form) != Text(code) || Combines(code)))];
        for (int round = 0; round < 100_000; round++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(1, 9)).Select(_ => Text(random.Next(4) switch
            {
                0 => "aeiouAEOıſσ語\u1100\u1161\u11A8\u09C7\u0B47\u1B05"[random.Next(17)],
                1 => random.Next(0x300, 0x363),
                _ => changing[random.Next(changing.Length)],
            })));
            Assert.Equal(text.Normalize(form), Ours(text, form));
        }
    }

    [Fact]
    public void Noncharacters_stay_and_the_text_between_them_is_composed()
    {
        int[] noncharacters = [.. Enumerable.Range(0xFDD0, 32), .. Enumerable.Range(0, 17).SelectMany(plane => new[] { (plane << 16) + 0xFFFE, (plane << 16) + 0xFFFF })];
        string text = string.Concat(noncharacters.Select(code => Text(code) + "e\u0301"));
        Assert.Equal(text.Replace("e\u0301", "\u00E9", StringComparison.Ordinal), Ours(text, NormalizationForm.FormC));
    }

    [Fact]
    public void Many_marks_on_one_letter_are_put_in_order_quickly()
    {
        string marks = string.Concat(Enumerable.Range(0, 50_000).Select(index => index % 2 == 0 ? "\u0301" : "\u0323"));
        string ordered = new string('\u0323', 25_000) + new string('\u0301', 25_000);
        Assert.Equal("x" + ordered, Ours("x" + marks, NormalizationForm.FormD));
    }

    [Fact]
    public void A_composed_character_stands_for_the_letter_that_it_began_with()
    {
        AlignedText composed = UnicodeForm.C.Apply(AlignedText.Of("xe\u0301y", isTracked: true));
        Assert.Equal("x\u00E9y", composed.Text);
        Assert.Equal([new(0, 1), new(1, 2), new(3, 4)], composed.Origins!);
    }

    private static string Ours(string text, NormalizationForm form) => Forms[form].Apply(new(text, null)).Text;

    private static string Text(int code) => char.ConvertFromUtf32(code);

    private static bool IsInvariant() => "e\u0301".Normalize(NormalizationForm.FormC).Length != 1;

    private static bool Combines(int code) => CharUnicodeInfo.GetUnicodeCategory(code) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    /// <summary>Characters of Unicode 16 and later; the ICU of a system may not have them.</summary>
    private static bool IsNewerThanIcu(int code, NormalizationForm form) => !IsKnown(code) && Text(code).Normalize(form) == Text(code);

    private static bool IsKnown(int code) => code is not ((>= 0x105C0 and <= 0x105FF) or (>= 0x11380 and <= 0x113FF) or (>= 0x16D40 and <= 0x16D7F)
        or 0xA7F1 or (>= 0x1CC00 and <= 0x1CEBF) or 0x0897 or (>= 0x10D40 and <= 0x10D8F) or (>= 0x16120 and <= 0x1613F) or (>= 0x1611E and <= 0x1612F)
        or (>= 0x1ACF and <= 0x1AEB) or (>= 0x1E5D0 and <= 0x1E5FF) or (>= 0x10EFA and <= 0x10EFC) or (>= 0x11B60 and <= 0x11B67) or (>= 0x1E6C0 and <= 0x1E6FF));
}
