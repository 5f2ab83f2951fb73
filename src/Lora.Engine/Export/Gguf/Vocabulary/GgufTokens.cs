using System.Globalization;
using Lora.Checkpoints;
using Lora.Text;

namespace Lora.Export;

/// <summary>The tokens of a vocabulary as llama.cpp has them: texts, kinds, and scores or merges.</summary>
internal sealed class GgufTokens
{
    // llama.cpp's llama_token_type.
    private const int Normal = 1;
    private const int Unknown = 2;
    private const int Control = 3;
    private const int UserDefined = 4;
    private const int Unused = 5;
    private const int Byte = 6;

    /// <summary>Below every merge: tokens that no merge makes.</summary>
    private const float NoMerge = -1e6f;

    // Texts that make a token special in llama.cpp whatever its kind (src/llama-vocab.cpp, llama_vocab::impl::load): ends of texts and turns, places to fill, OpenAI's channels.
    private static readonly HashSet<string> SpecialTexts = new(StringComparer.Ordinal)
    {
        "</s>", "<eos>", "[EOS]", "<EOT>", "_<EOT>", "[EOT]", "<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<|endoftext|>", "<|end_of_text|>", "<end_of_turn>", "<turn|>",
        "<end_of_utterance>", "<｜end▁of▁sentence｜>", "<|return|>", "<|call|>", "<|calls|>", "<|flush|>", "<|tool_response>", "[e~[",
        "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>", "<|code_prefix|>", "<|prefix|>",
        "<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>", "<|code_suffix|>", "<|suffix|>",
        "<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>", "<|code_middle|>", "<|middle|>",
        "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]", "<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>",
        "<|channel|>", "<|message|>", "<|start|>", "<|constrain|>",
    };

    private readonly TextModel model;
    private readonly bool isSentencePiece;
    private readonly string[] texts;
    private readonly int[] kinds;

    /// <param name="content">What the tokenizer's files say.</param>
    /// <param name="rows">The rows of the model's embedding, each of which needs a token.</param>
    /// <param name="isSentencePiece">Whether characters are merged by scores, with a mark for each space; else bytes by merges.</param>
    public GgufTokens(TokenizerContent content, int rows, bool isSentencePiece)
    {
        model = content.Model;
        UnknownId = model switch { BytePairModel pairs => pairs.UnknownId, UnigramModel scored => scored.UnknownId, WordPieceModel words => words.UnknownId, _ => null };
        this.isSentencePiece = isSentencePiece;
        texts = new string[rows];
        kinds = [.. Enumerable.Repeat(Unused, rows)];
        foreach ((string token, int id) in model.Ids)
        {
            texts[id] = model is WordPieceModel words ? OfWord(token, words.Prefix) : token;
            kinds[id] = isSentencePiece && ByteFallbackDecoder.IsByte(token) ? Byte : id == UnknownId ? Unknown : Normal;
        }

        foreach (AddedToken token in content.Added)
        {
            texts[token.Id] = token.Content;

            // A mark in a text means a space there; a token with one comes of merges, as any other.
            kinds[token.Id] = token.Id == UnknownId ? Unknown : token.Special ? Control : isSentencePiece && token.Content.Contains(Mark) ? Normal : UserDefined;
        }

        HashSet<string> seen = new(StringComparer.Ordinal);
        for (int id = 0; id < rows; id++)
        {
            if (texts[id] is not { Length: > 0 } || !seen.Add(texts[id]))
            {
                // Each needs a text of its own; no text is read as one of these.
                (texts[id], kinds[id]) = (string.Create(CultureInfo.InvariantCulture, $"[PAD{id}]"), Unused);
                seen.Add(texts[id]);
            }
        }
    }

    /// <summary>The token of what has none; null where all that there is has some.</summary>
    public int? UnknownId { get; }

    /// <summary>SentencePiece's mark for a space.</summary>
    public static char Mark => '▁';

    /// <summary>Whether the merges that make a token follow each other, so that one score says when it is made.</summary>
    public bool HaveScores
    {
        get
        {
            HashSet<int> done = [];
            int last = -1;
            foreach ((_, _, int id) in Merges)
            {
                if (id != last && !done.Add(id))
                {
                    return false;
                }

                last = id;
            }

            return true;
        }
    }

    /// <summary>Whether each token of several characters is made by a merge. By scores any two that are a token together become it.</summary>
    public bool AreMade
    {
        get
        {
            HashSet<int> made = [.. Merges.Select(merge => merge.Id)];
            return Enumerable.Range(0, texts.Length).All(id => kinds[id] != Normal || made.Contains(id) || texts[id].EnumerateRunes().Take(2).Count() == 1);
        }
    }

    /// <summary>Tokens that llama.cpp cuts out of a text before all others, which the tokenizer writes by its rules.</summary>
    public IEnumerable<string> SpecialByText => texts.Where((text, id) => kinds[id] == Normal && SpecialTexts.Contains(text));

    /// <summary>The fields.</summary>
    public IEnumerable<GgufField> Fields()
    {
        yield return new("tokenizer.ggml.tokens", GgufValue.OfArray(texts));
        yield return new("tokenizer.ggml.token_type", GgufValue.OfArray(kinds));
        if (isSentencePiece)
        {
            yield return new("tokenizer.ggml.scores", GgufValue.OfArray(Scores()));
        }
        else if (model is BytePairModel)
        {
            yield return new("tokenizer.ggml.merges", GgufValue.OfArray([.. Merges.Select(merge => $"{texts[merge.Left]} {texts[merge.Right]}")]));
        }
    }

    /// <summary>A token of BERT's: those that begin a word are marked, in place of those that go on with one.</summary>
    private static string OfWord(string token, string prefix) => token.StartsWith(prefix, StringComparison.Ordinal) && token.Length > prefix.Length ? token[prefix.Length..] : Mark + token;

    private IEnumerable<(int Left, int Right, int Id)> Merges => model is BytePairModel pairs ? pairs.Merges.Ordered : [];

    /// <summary>Each token's own, or minus the rank of the first merge that makes it.</summary>
    private float[] Scores()
    {
        if (model is UnigramModel scored)
        {
            return [.. kinds.Select((kind, id) => kind == Unused ? NoMerge : id < scored.Tokens.Count ? (float)scored.Tokens[id].Score : 0)];
        }

        float[] scores = [.. kinds.Select(kind => kind == Normal ? NoMerge : 0)];
        HashSet<int> made = [];
        int rank = 0;
        foreach ((_, _, int id) in Merges)
        {
            if (made.Add(id))
            {
                scores[id] = -rank;
            }

            rank++;
        }

        return scores;
    }
}
