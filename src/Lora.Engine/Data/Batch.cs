namespace Lora.Data;

/// <summary>
/// Examples side by side, padded at the right to the longest. Padding is told by the lengths, not by the id: the padding token may be the
/// end token, which has to be learned where it ends an example.
/// </summary>
public sealed class Batch
{
    /// <summary>The id that fills short rows; no supervised token ever sees it.</summary>
    internal const int Padding = 0;

    private Batch(int length, IReadOnlyList<TrainingExample> examples, int padId)
    {
        Examples = examples;
        Length = length;
        Lengths = [.. examples.Select(example => example.Ids.Length)];
        LabelLength = Math.Max(1, examples.Max(example => example.Labels.Length));
        TargetCount = examples.Sum(example => example.TargetCount);
        InputIds = SideBySide(length, padId, example => example.Ids);
        Labels = SideBySide(LabelLength, TrainingExample.Unsupervised, example => example.Labels);
        TokenTypes = examples.Any(example => example.TokenTypes is not null) ? SideBySide(length, 0, example => example.TokenTypes ?? []) : null;
    }

    /// <summary>The examples.</summary>
    public IReadOnlyList<TrainingExample> Examples { get; }

    /// <summary>The token ids, <c>[rows, length]</c> row after row.</summary>
    public long[] InputIds { get; }

    /// <summary>The labels, <c>[rows, label length]</c>, not shifted; <see cref="TrainingExample.Unsupervised"/> at padding.</summary>
    public long[] Labels { get; }

    /// <summary>The labels of the example that has most: as many as tokens, but for labels of texts and of completions that have a prompt beside them.</summary>
    public int LabelLength { get; }

    /// <summary>The number of examples.</summary>
    public int Rows => Lengths.Length;

    /// <summary>The tokens of the longest example.</summary>
    public int Length { get; }

    /// <summary>The tokens of each example without padding.</summary>
    public int[] Lengths { get; }

    /// <summary>The number of tokens that are learned, by which a sum of losses is divided.</summary>
    public int TargetCount { get; }

    /// <summary>Where labels are predicted.</summary>
    internal LabelPlace Place => Examples[0].Place;

    /// <summary>Which of two texts each token is of, <c>[rows, length]</c>; null for one text.</summary>
    internal long[]? TokenTypes { get; }

    /// <summary>Puts examples together.</summary>
    /// <param name="examples">At least one example.</param>
    /// <param name="padId">Any id of the vocabulary.</param>
    public static Batch Of(IReadOnlyList<TrainingExample> examples, int padId)
    {
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentOutOfRangeException.ThrowIfZero(examples.Count, nameof(examples));
        ArgumentOutOfRangeException.ThrowIfNegative(padId);
        return new(examples.Max(example => example.Ids.Length), examples, padId);
    }

    private long[] SideBySide(int width, int padding, Func<TrainingExample, int[]> of)
    {
        long[] all = new long[Examples.Count * width];
        Array.Fill(all, padding);
        for (int row = 0; row < Examples.Count; row++)
        {
            int[] own = of(Examples[row]);
            for (int position = 0; position < own.Length; position++)
            {
                all[(row * width) + position] = own[position];
            }
        }

        return all;
    }
}
