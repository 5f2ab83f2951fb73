using Lora.Models;

namespace Lora.Generation;

/// <summary>
/// The one text that a decoder has, kept for the next one: of that only what comes behind their common beginning is computed, as of a conversation, whose
/// turns each begin with all turns before. Rows that end stay.
/// </summary>
/// <param name="decoder">Goes on it; disposed with this.</param>
internal sealed class KeptText(IDecoder decoder) : IDecoder
{
    // As many are read at once as quickly, and texts that have nothing but a first token in common are computed as any others.
    private const int Fewest = 8;

    private readonly List<int> ids = [];

    /// <summary>How many tokens of the last text that was read were known.</summary>
    public int Known { get; private set; }

    /// <inheritdoc/>
    public void Read(IReadOnlyList<int> text)
    {
        // The last token is computed each time: what is expected after it is not kept.
        int common = ids.Zip(text.SkipLast(1)).TakeWhile(pair => pair.First == pair.Second).Count();
        Known = common < Fewest ? 0 : common;

        // Forgotten first: what a failure leaves behind is no text.
        ids.Clear();
        if (Known > 0)
        {
            decoder.Continue(Known, [.. text.Skip(Known)]);
        }
        else
        {
            decoder.Keep([]);
            decoder.Read(text);
        }

        ids.AddRange(text);
    }

    /// <inheritdoc/>
    public void Continue(int kept, IReadOnlyList<int> following) => Read([.. ids.Take(kept), .. following]);

    /// <inheritdoc/>
    public void Step(IReadOnlyList<int> next)
    {
        decoder.Step(next);
        ids.AddRange(next);
    }

    /// <inheritdoc/>
    public void Keep(IReadOnlyList<int> rows)
    {
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Logits(int row) => decoder.Logits(row);

    /// <inheritdoc/>
    public void Dispose() => decoder.Dispose();
}
