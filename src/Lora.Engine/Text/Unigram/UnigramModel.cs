using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Lora.Text;

/// <summary>
/// The unigram language model (Kudo 2018): each token has a score, its log-probability, and of all ways to write a word as tokens the one with
/// the highest sum is taken.
/// </summary>
internal sealed class UnigramModel : TextModel
{
    private readonly IReadOnlyList<(string Token, double Score)> tokens;
    private readonly string file;
    private readonly UnigramPath path;
    private readonly PieceTrie trie = new();
    private readonly Dictionary<string, int> ids;
    private readonly WordCache cache = new();
    private readonly int unknown;
    private readonly int[]? bytes;

    /// <summary>Takes the tokens in the order of their ids.</summary>
    /// <param name="tokens">Each with its score.</param>
    /// <param name="unknown">The id that characters without a token get; null: such characters are an error.</param>
    /// <param name="byteFallback">Whether they are written as the tokens of their UTF-8 bytes where the vocabulary has these.</param>
    /// <param name="file">The file that all this is from.</param>
    public UnigramModel(IReadOnlyList<(string Token, double Score)> tokens, int? unknown, bool byteFallback, string file)
    {
        this.tokens = tokens;
        this.file = file;
        this.unknown = unknown ?? PieceTrie.Absent;
        ids = new(tokens.Count, StringComparer.Ordinal);
        double[] scores = new double[tokens.Count];
        for (int id = 0; id < tokens.Count; id++)
        {
            ids[tokens[id].Token] = id;
            trie.Add(tokens[id].Token, id);
            scores[id] = tokens[id].Score;
        }

        path = new(trie, scores, this.unknown);
        if (byteFallback)
        {
            bytes = [.. Enumerable.Range(0, 256).Select(value => trie.Find(ByteFallbackDecoder.Name((byte)value)))];
        }
    }

    public override IReadOnlyDictionary<string, int> Ids => ids;

    /// <summary>The id that characters without a token get; null where they are an error.</summary>
    public int? UnknownId => unknown == PieceTrie.Absent ? null : unknown;

    /// <summary>Whether characters without a token are written as the tokens of their bytes.</summary>
    public bool HasBytes => bytes is not null;

    /// <summary>The tokens in the order of their ids, each with its score.</summary>
    public IReadOnlyList<(string Token, double Score)> Tokens => tokens;

    public override IEnumerable<KeyValuePair<string, int>> Entries => tokens.Select((token, id) => KeyValuePair.Create(token.Token, id));

    public static new UnigramModel Read(TokenizerNode node)
    {
        TokenizerNode list = node.Child("vocab").Of(JsonValueKind.Array, "a list");
        List<(string Token, double Score)> tokens = new(list.Element.GetArrayLength());
        foreach (JsonElement entry in list.Element.EnumerateArray())
        {
            tokens.Add(entry.ValueKind == JsonValueKind.Array && entry.GetArrayLength() == 2 && entry[0].ValueKind == JsonValueKind.String
                && entry[1].ValueKind == JsonValueKind.Number && entry[1].TryGetDouble(out double score) && double.IsFinite(score)
                ? (entry[0].GetString()!, score)
                : throw node.Invalid($"the entry {tokens.Count} of \"vocab\" is not a token with its score"));
        }

        int? unknown = node.Optional("unk_id")?.Number();
        return unknown is null || unknown < tokens.Count
            ? new(tokens, unknown, node.Flag("byte_fallback"), node.File)
            : throw node.Invalid($"\"unk_id\" is {unknown}, and \"vocab\" has {tokens.Count} tokens");
    }

    public override void Encode(string word, List<int> ids, int most, List<TextSpan>? spans)
    {
        // The cache keeps ids alone.
        if (spans is null && cache.TryGet(word, out int[]? known))
        {
            ids.AddRange(known);
            return;
        }

        int before = ids.Count;
        UnigramPath.Step[] steps = ArrayPool<UnigramPath.Step>.Shared.Rent(word.Length + 1);
        int count = path.Find(word, steps);
        if (count < 0)
        {
            throw LoraException.Of(LoraError.TokenizerInvalid, file, file, $"the vocabulary has neither a token for all of '{word}' nor an unknown token");
        }

        int start = 0;
        foreach (UnigramPath.Step step in steps.AsSpan(0, count))
        {
            AddToken(word.AsSpan(start, step.End - start), step.Id, ids);
            // The bytes of unknown characters each stand for all of these.
            while (spans is not null && spans.Count < ids.Count)
            {
                spans.Add(new(start, step.End));
            }

            start = step.End;
        }

        ArrayPool<UnigramPath.Step>.Shared.Return(steps);
        cache.Add(word, CollectionsMarshal.AsSpan(ids)[before..]);
    }

    /// <summary>Adds a token of the path. Unknown characters in a row are one, which may be spelled as a token is, or else has bytes.</summary>
    private void AddToken(ReadOnlySpan<char> text, int id, List<int> ids)
    {
        int before = ids.Count;
        if (id != unknown)
        {
            ids.Add(id);
        }
        else if (trie.Find(text) is int spelled and not PieceTrie.Absent)
        {
            ids.Add(spelled);
        }
        else if (bytes is null || !TryAddBytes(text, ids))
        {
            CollectionsMarshal.SetCount(ids, before);
            ids.Add(unknown);
        }
    }

    private bool TryAddBytes(ReadOnlySpan<char> text, List<int> ids)
    {
        Span<byte> encoded = stackalloc byte[4];
        foreach (System.Text.Rune rune in text.EnumerateRunes())
        {
            foreach (byte value in encoded[..rune.EncodeToUtf8(encoded)])
            {
                if (bytes![value] == PieceTrie.Absent)
                {
                    return false;
                }

                ids.Add(bytes[value]);
            }
        }

        return true;
    }
}
