using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace Lora.Text;

/// <summary>Byte-pair encoding: a vocabulary, merges, and what to do with characters that the vocabulary lacks.</summary>
internal sealed class BytePairModel : TextModel
{
    private const int MostSymbolsPerCharacter = 4; // bytes of UTF-8

    // Of a longer word of which few ids are wanted only the beginning is looked at.
    private const int LongWord = 1 << 16;
    private const int CharactersPerToken = 8; // a first guess, doubled until the ids are there

    private readonly Vocabulary vocabulary;
    private readonly PairMerges merges;
    private readonly WordCuts? cuts;
    private readonly WordCache cache = new();
    private readonly bool ignoreMerges;
    private readonly bool fuseUnknown;
    private readonly int unknown;
    private readonly int[]? bytes;
    private readonly Lazy<BytePairSpans> spans;

    /// <summary>Takes a vocabulary with the merges that make its tokens.</summary>
    public BytePairModel(Vocabulary vocabulary, PairMerges merges, BytePairOptions options)
    {
        this.vocabulary = vocabulary;
        this.merges = merges;
        ignoreMerges = options.IgnoresMerges;
        fuseUnknown = options.FusesUnknown;
        unknown = options.UnknownToken is string token ? vocabulary.Find(token) : Vocabulary.Absent;
        // A word that is a token is taken whole there, and a cut would hide it.
        cuts = ignoreMerges ? null : WordCuts.Of(vocabulary.Ids);
        if (options.FallsBackToBytes)
        {
            bytes = [.. Enumerable.Range(0, 256).Select(value => vocabulary.Find(ByteFallbackDecoder.Name((byte)value)))];
        }

        spans = new(() => new(vocabulary, unknown, fuseUnknown));
    }

    public override IReadOnlyDictionary<string, int> Ids => vocabulary.Ids;

    /// <summary>The merges.</summary>
    public PairMerges Merges => merges;

    /// <summary>Whether a word that is a token stays whole, whatever the merges make of it.</summary>
    public bool IgnoresMerges => ignoreMerges;

    /// <summary>Whether every character that the vocabulary lacks is written as bytes; a byte may be a character of its own, as Gemma's tab is.</summary>
    public bool HasAllBytes => bytes is not null && bytes.Index().All(entry => entry.Item != Vocabulary.Absent || (entry.Index < 128 && vocabulary.Find([(char)entry.Index]) != Vocabulary.Absent));

    /// <summary>The token of characters that have none; null without one.</summary>
    public int? UnknownId => unknown == Vocabulary.Absent ? null : unknown;

    public static new BytePairModel Read(TokenizerNode node)
    {
        foreach (string affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (!string.IsNullOrEmpty(node.OptionalText(affix)))
            {
                throw node.Unsupported("the model option", affix);
            }
        }

        // With dropout the reference library leaves merges out at random: there are no ids to agree with.
        if (node.Optional("dropout") is TokenizerNode dropout && dropout.Element.ToString() is not ("0" or "0.0"))
        {
            throw node.Unsupported("the model option", "dropout");
        }

        Vocabulary vocabulary = Vocabulary.Read(node.Child("vocab"));
        return new(vocabulary, PairMerges.Read(node.Child("merges"), vocabulary), new()
        {
            UnknownToken = node.OptionalText("unk_token"),
            FusesUnknown = node.Flag("fuse_unk"),
            FallsBackToBytes = node.Flag("byte_fallback"),
            IgnoresMerges = node.Flag("ignore_merges"),
        });
    }

    public override void Encode(string word, List<int> ids, int most, List<TextSpan>? spans)
    {
        int first = ids.Count;
        EncodeParts(word, ids, most);
        if (spans is not null)
        {
            this.spans.Value.Add(word, CollectionsMarshal.AsSpan(ids)[first..], spans);
        }
    }

    private void EncodeParts(string piece, List<int> ids, int most)
    {
        int start = 0;
        while (start < piece.Length && ids.Count < most)
        {
            int end = cuts?.EndOfWord(piece, start) ?? piece.Length;
            ReadOnlySpan<char> word = piece.AsSpan(start, end - start);
            if (cache.TryGet(word, out int[]? known))
            {
                ids.AddRange(known);
            }
            else
            {
                int before = ids.Count;
                EncodeWord(word, ids, most - before);
                cache.Add(word, CollectionsMarshal.AsSpan(ids)[before..]);
            }

            start = end;
        }
    }

    private void EncodeWord(ReadOnlySpan<char> word, List<int> ids, int wanted)
    {
        if (ignoreMerges && vocabulary.Find(word) is int whole and not Vocabulary.Absent)
        {
            ids.Add(whole);
            return;
        }

        for (long length = (long)CharactersPerToken * wanted; word.Length > LongWord && length < word.Length; length *= 2)
        {
            if (TryEncodeBeginning(word[..(int)length], ids, wanted))
            {
                return;
            }
        }

        int[] symbols = ArrayPool<int>.Shared.Rent(word.Length * MostSymbolsPerCharacter);
        int count = WriteSymbols(word, symbols);
        count = PairMerger.Merge(symbols.AsSpan(0, count), merges);
        ids.AddRange(symbols.AsSpan(0, count));
        ArrayPool<int>.Shared.Return(symbols);
    }

    /// <summary>Appends the ids that are certain without the rest of the word, if they are as many as are wanted.</summary>
    private bool TryEncodeBeginning(ReadOnlySpan<char> beginning, List<int> ids, int wanted)
    {
        // The guess may have cut a pair of surrogates in two.
        ReadOnlySpan<char> whole = char.IsHighSurrogate(beginning[^1]) ? beginning[..^1] : beginning;
        int[] symbols = new int[whole.Length * MostSymbolsPerCharacter];
        ReadOnlySpan<int> certain = PairMerger.MergeBeginning(symbols.AsSpan(0, WriteSymbols(whole, symbols)), merges);
        if (certain.Length >= wanted)
        {
            ids.AddRange(certain);
        }

        return certain.Length >= wanted;
    }

    /// <summary>Writes the id of each code point, else those of its UTF-8 bytes, else the unknown token's, and returns their count.</summary>
    private int WriteSymbols(ReadOnlySpan<char> word, Span<int> symbols)
    {
        int count = 0;
        bool afterUnknown = false;
        foreach (Rune rune in word.EnumerateRunes())
        {
            int length = rune.Utf16SequenceLength;
            int id = vocabulary.Find(word[..length]);
            word = word[length..];
            if (id != Vocabulary.Absent)
            {
                symbols[count++] = id;
                afterUnknown = false;
            }
            else if (TryWriteBytes(rune, symbols[count..], out int written))
            {
                count += written;
                afterUnknown = false;
            }
            else if (unknown != Vocabulary.Absent && !(afterUnknown && fuseUnknown))
            {
                symbols[count++] = unknown;
                afterUnknown = true;
            }
        }

        return count;
    }

    private bool TryWriteBytes(Rune rune, Span<int> symbols, out int written)
    {
        Span<byte> encoded = stackalloc byte[4];
        written = bytes is null ? 0 : rune.EncodeToUtf8(encoded);
        for (int index = 0; index < written; index++)
        {
            symbols[index] = bytes![encoded[index]];
        }

        // All bytes of a character or none: the reference library takes the unknown token where one byte has no token.
        return written > 0 && !symbols[..written].Contains(Vocabulary.Absent);
    }
}

/// <summary>What a byte-pair model does beside merging.</summary>
internal sealed record BytePairOptions
{
    /// <summary>What stands for a character that the vocabulary lacks; null: such characters are dropped.</summary>
    public string? UnknownToken { get; init; }

    /// <summary>Whether several of them in a row are one token.</summary>
    public bool FusesUnknown { get; init; }

    /// <summary>Whether they are written as the tokens of their UTF-8 bytes where the vocabulary has these.</summary>
    public bool FallsBackToBytes { get; init; }

    /// <summary>Whether a word that is a token is not merged.</summary>
    public bool IgnoresMerges { get; init; }
}
