namespace Lora.Data;

/// <summary>A stretch of a document that is one example, all of it learned. It is cut between tokens, so tokens are what is kept of it.</summary>
/// <param name="Line">Where the document stands in its file.</param>
/// <param name="Ids">The tokens; of all parts but the first, the first is that which the part before ends with.</param>
internal sealed record DocumentPart(int Line, int[] Ids) : DatasetRow(Line)
{
    /// <inheritdoc/>
    internal override string? Lack => null;

    /// <summary>A document in parts of a length. Each begins with the token before it, so that every token but the first is learned once.</summary>
    /// <param name="document">The document as a whole.</param>
    /// <param name="length">Tokens of a part at the most.</param>
    public static IEnumerable<DocumentPart> Of(TrainingExample document, int length)
    {
        for (int start = 0; start == 0 || start < document.Ids.Length - 1; start += length - 1)
        {
            yield return new(document.Line, document.Ids[start..Math.Min(start + length, document.Ids.Length)]);
        }
    }
}
