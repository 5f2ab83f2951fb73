using Lora.Text;

namespace Lora.Data;

/// <summary>
/// Encodes the rows of all tasks but causal language modelling. A text stands between the tokens that the tokenizer's file puts around one; those that
/// close it stay at its end when it is cut.
/// </summary>
/// <param name="tokenizer">The model's tokenizer.</param>
/// <param name="maxLength">Ids of a row that are kept.</param>
/// <param name="task">What is learned.</param>
/// <param name="labels">The labels of a classification; null for other tasks.</param>
internal sealed class TaskEncoder(Tokenizer tokenizer, int maxLength, LearnedTask task, LabelSet? labels)
{
    // Of longer texts only what is kept is encoded; the ids of shorter ones are counted.
    private const int LongText = 1 << 20;

    /// <summary>Ids that stand around a text.</summary>
    public int Around => tokenizer.OpeningIds.Count + Closing.Count;

    // A decoder has to learn where to stop, also where the tokenizer's file closes no text.
    private IReadOnlyList<int> Closing => task.Kind == TaskKind.Seq2SeqLM && tokenizer.ClosingIds.Count == 0 && tokenizer.EndOfSequenceId is int end ? [end] : tokenizer.ClosingIds;

    /// <summary>The ids of a text by itself, with nothing around it.</summary>
    public int[] Bare(string text, CancellationToken cancellation) => [.. tokenizer.Encode([text], int.MaxValue, cancellation)[0]];

    /// <summary>The ids of a prompt that a decoder answers.</summary>
    public int[] EncodePrompt(string prompt, CancellationToken cancellation) => Cut(Framed(Bare(prompt, cancellation)), maxLength);

    /// <summary>Encodes a row; null where there is nothing to learn.</summary>
    /// <exception cref="FormatException">A label is unknown, or there are too many of them.</exception>
    public EncodedRow? Encode(DatasetRow row, CancellationToken cancellation) => row.Lack is not null ? null : row switch
    {
        TextRow text => Masked(Ids(text.Text, cancellation), text.Text, row.Line),
        DocumentPart part => Masked(part.Ids, "", row.Line),
        LabelledRow labelled => Labelled(labelled, cancellation),
        TaggedRow tagged => Tagged(tagged, cancellation),
        CompletionRow pair => Completion(pair, cancellation),
        _ => throw new ArgumentException($"{row.GetType().Name} is not encoded for {task}", nameof(row)),
    };

    /// <summary>An array of so many members at the most; those that close it stay.</summary>
    public T[] Cut<T>(T[] all, int most) => all.Length <= most ? all
        : Closing.Count >= most ? all[..most]
        : [.. all[..(most - Closing.Count)], .. all[^Closing.Count..]];

    /// <summary>All of a text may be hidden and predicted; which of it is, is drawn each time (<see cref="TokenMasking"/>).</summary>
    private EncodedRow Masked(int[] ids, string text, int line)
    {
        int[] labels = [.. Hidden(tokenizer.OpeningIds.Count), .. ids, .. Hidden(Closing.Count)];
        return new(new(Framed(ids), labels, line) { Place = LabelPlace.Own }, IsWhole(text, ids), Notes(text));
    }

    private EncodedRow Labelled(LabelledRow row, CancellationToken cancellation)
    {
        LabelSet known = Labels;
        bool isOne = known.Kind == LabelKind.One;
        if (isOne && row.Labels.Count != 1)
        {
            throw new FormatException($"it has {row.Labels.Count} labels where one is expected");
        }

        int[] text = Ids(row.Text, cancellation);
        return new(
            new(Framed(text), [isOne ? known.Id(row.Labels[0]) : 0], row.Line) { Place = task.TextPlace, Values = isOne ? null : known.Values(row.Labels) },
            IsWhole(row.Text, text),
            Notes(row.Text));
    }

    /// <summary>Words one by one: the first token of each has its label, and those that go on it none.</summary>
    private EncodedRow Tagged(TaggedRow row, CancellationToken cancellation)
    {
        // A space before all but the first: as the words of one text, for tokenizers that keep spaces.
        string[] words = [.. row.Words.Select((word, index) => index == 0 ? word : " " + word)];
        List<int>[] encoded = tokenizer.Encode(words, int.MaxValue, cancellation);
        IEnumerable<int> tags = encoded.Zip(row.Tags).SelectMany(pair => pair.First.Select((_, piece) => piece == 0 ? Labels.Id(pair.Second) : TrainingExample.Unsupervised));
        int[] ids = [.. encoded.SelectMany(word => word)];
        return new(
            new(Framed(ids), [.. Hidden(tokenizer.OpeningIds.Count), .. tags, .. Hidden(Closing.Count)], row.Line) { Place = LabelPlace.Own },
            IsWhole: true,
            encoded.Zip(row.Words).Any(pair => pair.First.Count == 0 && pair.Second.Length > 0) ? RowNotes.LostWord : 0);
    }

    /// <summary>A prompt for the encoder, and a completion for the decoder; each is closed.</summary>
    private EncodedRow Completion(CompletionRow row, CancellationToken cancellation)
    {
        int[] prompt = Ids(row.Prompt, cancellation), completion = Ids(row.Completion, cancellation);
        return new(
            new(Framed(prompt), Framed(completion), row.Line) { Place = LabelPlace.Own }, IsWhole(row.Prompt, prompt) && IsWhole(row.Completion, completion), Notes(row.Prompt) | Notes(row.Completion));
    }

    private LabelSet Labels => labels ?? throw new InvalidOperationException("The labels are known when all rows were looked at.");

    private int[] Ids(string text, CancellationToken cancellation) => [.. tokenizer.Encode([text], Most(text), cancellation)[0]];

    private int Most(string text) => text.Length > LongText ? maxLength + 1 : int.MaxValue;

    private bool IsWhole(string text, int[] ids) => text.Length <= LongText || ids.Length <= maxLength;

    private int[] Framed(int[] text) => [.. tokenizer.OpeningIds, .. text, .. Closing];

    private static IEnumerable<int> Hidden(int count) => Enumerable.Repeat(TrainingExample.Unsupervised, count);

    private RowNotes Notes(string text) => tokenizer.FindSpecial(text) is not null ? RowNotes.MeantToken : 0;
}
