using System.Text;

namespace Lora.Text;

/// <summary>The steps from text to ids, in their order: added tokens are found, the text between them is normalized, cut into words and merged.</summary>
internal sealed record TextPipeline(
    AddedTokenFinder RawTokens, Normalizer? Normalizer, AddedTokenFinder NormalizedTokens, PreTokenizer? PreTokenizer, BytePairModel Model)
{
    /// <summary>Normalizes a stretch of text; <paramref name="continues"/>: text of the same stretch was normalized before it.</summary>
    public string Normalize(string text, bool continues) => Normalizer?.Invoke(text, continues, Normalizers.LongestOf(text)) ?? text;
}

/// <summary>
/// Encodes the pieces of one text, each by itself and as what it is: the beginning of the text, or what goes on after the pieces before. So no
/// token reaches from one piece into the next, and no space is put where the text has none.
/// </summary>
/// <param name="pipeline">The tokenizer's steps.</param>
/// <param name="most">Ids that are wanted; encoding stops once they are there. They are those of the whole text.</param>
/// <param name="cancellation">Checked for each word.</param>
internal sealed class TextEncoder(TextPipeline pipeline, int most, CancellationToken cancellation)
{
    private PieceStart start = PieceStart.OfText;
    private bool continuesStretch;
    private bool stripsNext;
    private List<int> ids = [];
    private int done;

    private bool IsFull => ids.Count >= most - done;

    /// <summary>The ids of the next piece.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="literal">Its stretches that hold no special token, whatever they spell.</param>
    public List<int> Encode(string piece, IReadOnlyList<Range>? literal = null)
    {
        ids = [];
        string text = WellFormed(piece);
        int from = stripsNext ? text.Length - text.AsSpan().TrimStart().Length : 0;
        while (from < text.Length && !IsFull)
        {
            (int tokenStart, int end, AddedToken? token) = pipeline.RawTokens.Next(text, from, literal);
            if (tokenStart > from)
            {
                AddStretch(text[from..tokenStart], Literal.Within(literal, from, tokenStart));
            }

            if (token is not null)
            {
                AddToken(token);
                continuesStretch = false;
                stripsNext = token.StripRight && end == text.Length;
            }

            from = end;
        }

        done += ids.Count;
        return ids;
    }

    /// <summary>Encodes text that holds no added token, or some that are sought in normalized text.</summary>
    private void AddStretch(string stretch, IReadOnlyList<Range>? literal)
    {
        // The places of normalized text are others: where that matters, the stretch is cut at the literal ones.
        if (literal is [_, ..] && pipeline.NormalizedTokens.HasSpecial)
        {
            int cut = 0;
            foreach (Range range in literal)
            {
                AddPart(stretch[cut..range.Start], isLiteral: false);
                AddPart(stretch[range], isLiteral: true);
                cut = range.End.Value;
            }

            AddPart(stretch[cut..], isLiteral: false);
        }
        else
        {
            AddPart(stretch, isLiteral: false);
        }
    }

    private void AddPart(string stretch, bool isLiteral)
    {
        if (stretch.Length == 0)
        {
            return;
        }

        string text = pipeline.Normalize(stretch, continuesStretch);
        continuesStretch = true;
        stripsNext = false;
        int from = 0;
        while (from < text.Length && !IsFull)
        {
            (int tokenStart, int end, AddedToken? token) = pipeline.NormalizedTokens.Next(text, from, isLiteral ? [Range.All] : null);
            if (tokenStart > from)
            {
                AddWords(text[from..tokenStart]);
            }

            if (token is not null)
            {
                AddToken(token);
            }

            from = end;
        }
    }

    private void AddWords(string text)
    {
        foreach (string word in pipeline.PreTokenizer?.Split(text, start) ?? [text])
        {
            cancellation.ThrowIfCancellationRequested();
            pipeline.Model.Encode(word, ids, most - done);
            if (IsFull)
            {
                break;
            }
        }

        start = PieceStart.Continuation;
    }

    private void AddToken(AddedToken token)
    {
        ids.Add(token.Id);
        start = PieceStart.OfStretch;
    }

    private static string WellFormed(string text)
    {
        bool mayBeBroken = text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF');
        return mayBeBroken ? Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) : text;
    }
}
