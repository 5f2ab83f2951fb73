using System.Collections;
using System.Text;

namespace Lora.Text;

/// <summary>A set of characters of <see cref="UnicodeData"/>.</summary>
internal sealed class CharacterClass
{
    private readonly BitArray members = new(0x110000);

    private CharacterClass(string section)
    {
        foreach (int codePoint in UnicodeData.Instance.Lines(section).SelectMany(line => line))
        {
            members[codePoint] = true;
        }
    }

    /// <summary>What BERT's normalizer drops: U+0000, U+FFFD, controls but tab and line ends, formats, private use.</summary>
    public static CharacterClass Control { get; } = new("control");

    /// <summary>What is dropped as an accent by BERT's normalizer: nonspacing marks.</summary>
    public static CharacterClass Accent { get; } = new("accent");

    /// <summary>What the normalizer StripAccents drops: all marks.</summary>
    public static CharacterClass Mark { get; } = new("mark");

    /// <summary>Punctuation, and ASCII's symbols.</summary>
    public static CharacterClass Punctuation { get; } = new("punctuation");

    /// <summary>What <c>\w</c> matches (Unicode Technical Standard 18, annex C).</summary>
    public static CharacterClass Word { get; } = new("word");

    public bool Contains(int codePoint) => members[codePoint];

    public bool Contains(Rune rune) => members[rune.Value];
}
