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

    private readonly BytePairModel model;
    private readonly bool isSentencePiece;
    private readonly string[] texts;
    private readonly int[] kinds;

    /// <param name="content">What the tokenizer's files say.</param>
    /// <param name="model">Its model.</param>
    /// <param name="rows">The rows of the model's embedding, each of which needs a token.</param>
    /// <param name="isSentencePiece">Whether characters are merged by scores, with a mark for each space; else bytes by merges.</param>
    public GgufTokens(TokenizerContent content, BytePairModel model, int rows, bool isSentencePiece)
    {
        this.model = model;
        this.isSentencePiece = isSentencePiece;
        texts = new string[rows];
        kinds = [.. Enumerable.Repeat(Unused, rows)];
        foreach ((string token, int id) in model.Ids)
        {
            texts[id] = token;
            kinds[id] = isSentencePiece && ByteFallbackDecoder.IsByte(token) ? Byte : id == model.UnknownId ? Unknown : Normal;
        }

        foreach (AddedToken token in content.Added)
        {
            texts[token.Id] = token.Content;

            // A mark in a text means a space there; a token with one comes of merges, as any other.
            kinds[token.Id] = token.Id == model.UnknownId ? Unknown : token.Special ? Control : isSentencePiece && token.Content.Contains(Mark) ? Normal : UserDefined;
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

    /// <summary>SentencePiece's mark for a space.</summary>
    public static char Mark => '▁';

    /// <summary>Whether the merges that make a token follow each other, so that one score says when it is made.</summary>
    public bool HaveScores
    {
        get
        {
            HashSet<int> done = [];
            int last = -1;
            foreach ((_, _, int id) in model.Merges.Ordered)
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
            HashSet<int> made = [.. model.Merges.Ordered.Select(merge => merge.Id)];
            return Enumerable.Range(0, texts.Length).All(id => kinds[id] != Normal || made.Contains(id) || texts[id].EnumerateRunes().Take(2).Count() == 1);
        }
    }

    /// <summary>The fields.</summary>
    public IEnumerable<GgufField> Fields()
    {
        yield return new("tokenizer.ggml.tokens", GgufValue.OfArray(texts));
        yield return new("tokenizer.ggml.token_type", GgufValue.OfArray(kinds));
        if (isSentencePiece)
        {
            yield return new("tokenizer.ggml.scores", GgufValue.OfArray(Scores()));
        }
        else
        {
            yield return new("tokenizer.ggml.merges", GgufValue.OfArray([.. model.Merges.Ordered.Select(merge => $"{texts[merge.Left]} {texts[merge.Right]}")]));
        }
    }

    /// <summary>Minus the rank of the first merge that makes a token.</summary>
    private float[] Scores()
    {
        float[] scores = [.. kinds.Select(kind => kind == Normal ? NoMerge : 0)];
        HashSet<int> made = [];
        int rank = 0;
        foreach ((_, _, int id) in model.Merges.Ordered)
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
