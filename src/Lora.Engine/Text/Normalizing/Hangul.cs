namespace Lora.Text;

/// <summary>Korean syllables, which decompose by arithmetic (The Unicode Standard, section 3.12).</summary>
internal static class Hangul
{
    private const int FirstSyllable = 0xAC00;
    private const int FirstLead = 0x1100;
    private const int FirstVowel = 0x1161;
    private const int BeforeTrail = 0x11A7; // a syllable's trail 0 is none
    private const int Leads = 19;
    private const int Vowels = 21;
    private const int Trails = 28;

    public static bool IsSyllable(int codePoint) => codePoint is >= FirstSyllable and < FirstSyllable + (Leads * Vowels * Trails);

    /// <summary>Whether it may become part of what stands before it.</summary>
    public static bool IsSecond(int codePoint) =>
        codePoint is (>= FirstVowel and < FirstVowel + Vowels) or (> BeforeTrail and < BeforeTrail + Trails);

    /// <summary>The two or three parts of a syllable.</summary>
    public static int[] Decompose(int syllable)
    {
        int index = syllable - FirstSyllable;
        int lead = FirstLead + (index / (Vowels * Trails));
        int vowel = FirstVowel + (index / Trails % Vowels);
        int trail = index % Trails;
        return trail == 0 ? [lead, vowel] : [lead, vowel, BeforeTrail + trail];
    }

    /// <summary>The syllable of two parts, or -1.</summary>
    public static int Compose(int first, int second)
    {
        if (first is >= FirstLead and < FirstLead + Leads && second is >= FirstVowel and < FirstVowel + Vowels)
        {
            return FirstSyllable + ((((first - FirstLead) * Vowels) + (second - FirstVowel)) * Trails);
        }

        bool isOpen = IsSyllable(first) && (first - FirstSyllable) % Trails == 0;
        return isOpen && second is > BeforeTrail and < BeforeTrail + Trails ? first + (second - BeforeTrail) : -1;
    }
}
