using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Lora.Text;

/// <summary>
/// SentencePiece's "precompiled_charsmap": what characters become, as a double-array trie over their UTF-8 bytes whose values are places in a
/// block of texts that end with zero (google/sentencepiece, normalizer.cc; the trie is Darts-clone's). The file is: the trie's bytes, the trie, the texts.
/// </summary>
internal sealed class CharacterMap
{
    // The reference library looks for a grapheme as a whole if it is this short, and otherwise for each of its characters.
    private const int ShortGrapheme = 5;

    private readonly uint[] trie;
    private readonly byte[] texts;
    private readonly string file;
    private readonly bool[] changesAscii = new bool[128];

    /// <summary>Reads a map.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.TokenizerInvalid"/>.</exception>
    public CharacterMap(ReadOnlySpan<byte> map, string file)
    {
        this.file = file;
        uint size = map.Length < sizeof(uint) ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(map);
        if (size == 0 || size > map.Length - sizeof(uint) || size % sizeof(uint) != 0)
        {
            throw Invalid($"its character map of {map.Length} bytes cannot hold its trie");
        }

        trie = new uint[size / sizeof(uint)];
        for (int unit = 0; unit < trie.Length; unit++)
        {
            trie[unit] = BinaryPrimitives.ReadUInt32LittleEndian(map[((unit + 1) * sizeof(uint))..]);
        }

        texts = map[((int)size + sizeof(uint))..].ToArray();
        if (!Utf8.IsValid(texts))
        {
            throw Invalid("the texts of its character map are not UTF-8");
        }

        for (int code = 0; code < changesAscii.Length; code++)
        {
            changesAscii[code] = Find(((char)code).ToString(), out _);
        }
    }

    /// <summary>The text with every character replaced that the map has.</summary>
    /// <param name="text">The text.</param>
    /// <param name="longest">Characters that it may become.</param>
    public AlignedText Apply(AlignedText text, int longest)
    {
        AlignedTextBuilder? changed = null;
        int kept = 0;
        for (int at = 0; at < text.Length;)
        {
            int end = at + LengthAt(text.Text, at);
            if (end - at > 1 || text.Text[at] >= 128 || changesAscii[text.Text[at]])
            {
                Replace(at, end);
            }

            at = end;
        }

        changed?.Keep(kept, text.Length);
        return changed?.ToText() ?? text;

        void Replace(int start, int end)
        {
            ReadOnlySpan<char> grapheme = text.Text.AsSpan(start, end - start);
            if (Encoding.UTF8.GetByteCount(grapheme) <= ShortGrapheme && Find(grapheme, out string whole))
            {
                Write(start, end, whole);
                return;
            }

            foreach (Rune rune in grapheme.EnumerateRunes())
            {
                int next = start + rune.Utf16SequenceLength;
                if (Find(text.Text.AsSpan(start, next - start), out string single))
                {
                    Write(start, next, single);
                }

                start = next;
            }
        }

        void Write(int start, int end, string written)
        {
            changed ??= new(text);
            changed.Keep(kept, start);
            Span<char> characters = stackalloc char[2];
            foreach (Rune rune in written.EnumerateRunes())
            {
                // Each stands for one of the characters, those that are too many for the last.
                changed.Write(characters[..rune.EncodeToUtf16(characters)], start);
                int next = start + Rune.GetRuneAt(text.Text, start).Utf16SequenceLength;
                start = next < end ? next : start;
            }

            kept = end;
            if (changed.Length > longest)
            {
                throw Invalid($"its character map makes {changed.Length} characters of a text that may become {longest} at most");
            }
        }
    }

    /// <summary>The characters of the grapheme at a place. ASCII before ASCII is one character; only a line end has two.</summary>
    private static int LengthAt(string text, int at)
    {
        bool isAlone = text[at] < 128 && text[at] != '\r' && (at + 1 == text.Length || text[at + 1] < 128);
        return isAlone ? 1 : StringInfo.GetNextTextElementLength(text, at);
    }

    /// <summary>What stands for the shortest beginning of some characters that the map has, as the reference library takes it.</summary>
    private bool Find(ReadOnlySpan<char> characters, out string text)
    {
        Span<byte> bytes = stackalloc byte[ShortGrapheme];
        bytes = bytes[..Encoding.UTF8.GetBytes(characters, bytes)];
        text = "";
        uint node = Offset(trie[0]);
        foreach (byte value in bytes)
        {
            node ^= value;
            uint unit = value == 0 ? 0 : Unit(node);
            // Darts-clone: bits 0 to 7 are the byte that leads here, bit 8 says that a value follows, bit 31 that this is one.
            if (value == 0 || (unit & 0x8000_00FF) != value)
            {
                return false;
            }

            node ^= Offset(unit);
            if ((unit & 0x100) != 0)
            {
                text = TextAt(Unit(node) & 0x7FFF_FFFF);
                return true;
            }
        }

        return false;
    }

    private uint Unit(uint node) => node < trie.Length ? trie[node] : throw Invalid("the trie of its character map leads out of itself");

    /// <summary>Bits 10 and up; where bit 9 is set they count 256 times.</summary>
    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);

    private string TextAt(uint place)
    {
        ReadOnlySpan<byte> rest = place <= texts.Length ? texts.AsSpan((int)place) : throw Invalid("its character map names a text that it does not have");
        int end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private LoraException Invalid(string reason) => LoraException.Of(LoraError.TokenizerInvalid, file, file, reason);
}
