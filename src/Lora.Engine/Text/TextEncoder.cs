using System.Text;

namespace Lora.Text;

/// <summary>The steps from text to ids, in their order: added tokens are found, the text between them is normalized, cut into words, and the model gives each word's ids.</summary>
internal sealed record TextPipeline(
    AddedTokenFinder RawTokens, Normalizer? Normalizer, AddedTokenFinder NormalizedTokens, PreTokenizer? PreTokenizer, TextModel Model)
{
    /// <summary>Normalizes a stretch of text; <paramref name="continues"/>: text of the same stretch was normalized before it.</summary>
    public AlignedText Normalize(AlignedText text, bool continues) => Normalizer?.Invoke(text, continues, Normalizers.LongestOf(text.Text)) ?? text;
}

/// <summary>
/// Encodes the pieces of one text, each by itself and as what it is: the beginning of the text, or what goes on after the pieces before. So no
/// token reaches from one piece into the next, and no space is put where the text has none.
/// </summary>
/// <param name="pipeline">The tokenizer's steps.</param>
/// <param name="most">Ids that are wanted; encoding stops once they are there. They are those of the whole text.</param>
/// <param name="cancellation">Checked for each word.</param>
/// <param name="tracksOrigins">Whether <see cref="Spans"/> are wanted, which takes time.</param>
internal sealed class TextEncoder(TextPipeline pipeline, int most, CancellationToken cancellation, bool tracksOrigins = false)
{
    private PieceStart start = PieceStart.OfText;
    private bool continuesStretch;
    private bool stripsNext;
    private List<int> ids = [];
    private int done;

    /// <summary>For each id of the piece encoded last the stretch of the piece that it stands for; null where nobody wants them.</summary>
    public List<TextSpan>? Spans { get; private set; }

    private bool IsFull => ids.Count >= most - done;

    /// <summary>The ids of the next piece.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="literal">Its stretches that hold no special token, whatever they spell.</param>
    public List<int> Encode(string piece, IReadOnlyList<Range>? literal = null)
    {
        ids = [];
        Spans = tracksOrigins ? [] : null;
        string text = WellFormed(piece);
        AlignedText aligned = AlignedText.Of(text, tracksOrigins);
        // The piece before ended with a token that takes the white space after it along, which is here.
        int from = stripsNext ? text.Length - text.AsSpan().TrimStart().Length : 0;
        while (from < text.Length && !IsFull)
        {
            (int tokenStart, int end, AddedToken? token) = pipeline.RawTokens.Next(text, from, literal);
            if (tokenStart > from)
            {
                AddStretch(aligned[from..tokenStart], Literal.Within(literal, from, tokenStart));
            }

            if (token is not null)
            {
                AddToken(token, aligned[tokenStart..end]);
                // The reference library normalizes each stretch between added tokens by itself: Llama 2's prefix comes again behind one.
                continuesStretch = false;
                stripsNext = token.StripRight && end == text.Length;
            }

            from = end;
        }

        done += ids.Count;
        return ids;
    }

    /// <summary>Encodes text that holds no added token, or some that are sought in normalized text.</summary>
    private void AddStretch(AlignedText stretch, IReadOnlyList<Range>? literal)
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

    private void AddPart(AlignedText stretch, bool isLiteral)
    {
        if (stretch.Length == 0)
        {
            return;
        }

        AlignedText text = pipeline.Normalize(stretch, continuesStretch);
        continuesStretch = true;
        stripsNext = false;
        int from = 0;
        while (from < text.Length && !IsFull)
        {
            (int tokenStart, int end, AddedToken? token) = pipeline.NormalizedTokens.Next(text.Text, from, isLiteral ? [Range.All] : null);
            if (tokenStart > from)
            {
                AddWords(text[from..tokenStart]);
            }

            if (token is not null)
            {
                AddToken(token, text[tokenStart..end]);
            }

            from = end;
        }
    }

    private void AddWords(AlignedText text)
    {
        foreach (AlignedText word in pipeline.PreTokenizer?.Split(text, start) ?? [text])
        {
            cancellation.ThrowIfCancellationRequested();
            int before = ids.Count;
            pipeline.Model.Encode(word.Text, ids, most - done, Spans);
            for (int index = before; Spans is not null && index < Spans.Count; index++)
            {
                Spans[index] = word.OriginOf(Spans[index]);
            }

            if (IsFull)
            {
                break;
            }
        }

        start = PieceStart.Continuation;
    }

    private void AddToken(AddedToken token, AlignedText text)
    {
        ids.Add(token.Id);
        Spans?.Add(text.OriginOf(new(0, text.Length)));
        start = PieceStart.OfStretch;
    }

    private static string WellFormed(string text)
    {
        // UTF-8 has no half of a pair: it becomes U+FFFD, and later steps may walk over characters without asking again.
        bool mayBeBroken = text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF');
        return mayBeBroken ? Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) : text;
    }
}
