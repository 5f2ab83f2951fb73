using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Lora.Text;

/// <summary>
/// GPT-2's alphabet of 256 printable characters, one a byte: printable Latin-1 characters stand for themselves, the other bytes for
/// U+0100 and up, in order (openai/gpt-2, encoder.py, bytes_to_unicode).
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = MakeCharacters();

    private static readonly Dictionary<char, byte> Bytes = Enumerable.Range(0, 256).ToDictionary(value => Characters[value], value => (byte)value);

    public static IReadOnlyList<char> All => Characters;

    /// <summary>The text's UTF-8 bytes, written in the alphabet; each has the origin of its character.</summary>
    public static AlignedText Write(AlignedText text) => new(Write(text.Text), text.Origins is null ? null : Origins(text));

    /// <summary>The text's UTF-8 bytes, written in the alphabet.</summary>
    private static string Write(ReadOnlySpan<char> text)
    {
        // This runs for every word of a text; the most that UTF-8 may need is three times the characters.
        byte[] bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length));
        int count = Encoding.UTF8.GetBytes(text, bytes);
        string written = string.Create(count, bytes, static (characters, source) =>
        {
            for (int index = 0; index < characters.Length; index++)
            {
                characters[index] = Characters[source[index]];
            }
        });
        ArrayPool<byte>.Shared.Return(bytes);
        return written;
    }

    /// <summary>Appends the bytes that a token stands for; a token with a character outside the alphabet stands for itself.</summary>
    public static void Read(string token, List<byte> bytes)
    {
        int before = bytes.Count;
        foreach (char character in token)
        {
            if (!Bytes.TryGetValue(character, out byte value))
            {
                // Added tokens are written in plain characters, and a decoder meets them among the others.
                bytes.RemoveRange(before, bytes.Count - before);
                bytes.AddRange(Encoding.UTF8.GetBytes(token));
                return;
            }

            bytes.Add(value);
        }
    }

    /// <summary>What a token stands for as text, or byte by byte as <c>&lt;0xE2&gt;</c> where it is not whole characters.</summary>
    public static string Spell(string token)
    {
        List<byte> bytes = [];
        Read(token, bytes);
        byte[] all = [.. bytes];
        return Utf8.IsValid(all) ? Encoding.UTF8.GetString(all) : string.Concat(all.Select(value => $"<0x{value:X2}>"));
    }

    private static TextSpan[] Origins(AlignedText text)
    {
        List<TextSpan> origins = new(text.Length);
        int at = 0;
        foreach (Rune rune in text.Text.EnumerateRunes())
        {
            origins.AddRange(Enumerable.Repeat(text.Origins![at], rune.Utf8SequenceLength));
            at += rune.Utf16SequenceLength;
        }

        return [.. origins];
    }

    private static char[] MakeCharacters()
    {
        char[] characters = new char[256];
        int next = 256;
        for (int value = 0; value < characters.Length; value++)
        {
            // U+00AD, the soft hyphen between the last two ranges, does not print.
            bool printable = value is (>= '!' and <= '~') or (>= '¡' and <= '¬') or (>= '®' and <= 'ÿ');
            characters[value] = printable ? (char)value : (char)next++;
        }

        return characters;
    }
}
