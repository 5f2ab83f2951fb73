using Lora.Text;

namespace Lora.Data;

/// <summary>Makes examples of rows: encodes them and cuts them to their length. It changes nothing, so several threads may use it.</summary>
internal sealed class ExampleMaker
{
    private readonly Tokenizer tokenizer;
    private readonly DatasetOptions options;
    private readonly RowEncoder encoder;
    private readonly RowEncoder whole;
    private readonly TaskEncoder? task;
    private readonly ChoiceEncoder choices;

    public ExampleMaker(Tokenizer tokenizer, DatasetOptions options)
    {
        this.tokenizer = tokenizer;
        this.options = options;
        Chat = options.Chat ?? ChatEncoder.Of(new(Path.GetDirectoryName(tokenizer.Path)!, options.Data.ChatTemplate, null), tokenizer, options.Data, TimeProvider.System);
        encoder = new(tokenizer, options.MaxLength, Chat);
        whole = new(tokenizer, int.MaxValue - 1); // one less: one id more than are kept is asked for
        choices = new(tokenizer, options.Data.ChatTemplate is null ? null : Chat, options.Data.AllowSpecialToken);
        task = options.Task.Kind == TaskKind.CausalLM ? null : new(tokenizer, options.MaxLength, options.Task, options.Labels);
    }

    /// <summary>What writes conversations; it throws where the model has no chat template.</summary>
    public Lazy<ChatEncoder> Chat { get; }

    /// <summary>The rows that a row becomes: the parts of a document, and of all else the row itself.</summary>
    /// <param name="row">As it was read.</param>
    /// <param name="cancellation">Checked for each word.</param>
    public IEnumerable<DatasetRow> Split(DatasetRow row, CancellationToken cancellation) => row is not TextRow { IsDocument: true, Lack: null } text ? [row]
        : task is not null ? task.Bare(text.Text, cancellation).Chunk(Math.Max(1, options.MaxLength - task.Around)).Select(ids => new DocumentPart(row.Line, ids))
        : whole.Encode(row, cancellation) is EncodedRow document ? DocumentPart.Of(document.Example, options.MaxLength) : [row];

    /// <summary>Makes an example.</summary>
    /// <param name="row">The row.</param>
    /// <param name="cancellation">Checked for each word.</param>
    /// <exception cref="LoraException"><see cref="LoraError.TokenOutOfRange"/>, <see cref="LoraError.PatternTimeout"/>, <see cref="LoraError.ChatTemplateMissing"/>.</exception>
    public MadeExample Make(DatasetRow row, CancellationToken cancellation)
    {
        try
        {
            return Cut(row, task is not null ? task.Encode(row, cancellation) : row switch
            {
                DocumentPart part => new(new(part.Ids, part.Ids, part.Line), IsWhole: true, Notes: 0),
                ChoiceRow choice => choices.Encode(choice, cancellation),
                _ => encoder.Encode(row, cancellation),
            });
        }
        catch (FormatException exception)
        {
            // The encoder knows no file; who asked for the row names it.
            return new(null, null, IsTruncated: false, null, exception.Message);
        }
    }

    private MadeExample Cut(DatasetRow row, EncodedRow? encoded)
    {
        TrainingExample? example = encoded?.Example;
        bool isTruncated = Math.Max(example?.Ids.Length ?? 0, example?.Labels.Length ?? 0) > options.MaxLength || example?.Choices?.Each.Any(choice => choice.Ids.Length > options.MaxLength) == true;
        if (isTruncated)
        {
            example = example!.Choices is ExampleChoices choices
                ? End(example) with { Choices = choices with { Each = [.. choices.Each.Select(End)] } }
                : example with { Ids = Kept(example.Ids), Labels = Kept(example.Labels) };
        }

        tokenizer.CheckRange([.. example?.Ids ?? [], .. example?.Choices?.Each.SelectMany(choice => choice.Ids) ?? [], .. options.Task.Kind == TaskKind.Seq2SeqLM ? example?.Labels ?? [] : []], options.VocabularySize ?? int.MaxValue);
        return example is { TargetCount: > 0 } ? new(example, encoded, isTruncated, null) : new(null, encoded, isTruncated, row.Lack
            ?? (isTruncated ? $"with what is to be learned beyond the {options.MaxLength} tokens that are kept" : "without a token to learn from"));
    }

    /// <summary>Choices stand at the end, and what is asked is cut at its beginning, as in lm-evaluation-harness.</summary>
    private TrainingExample End(TrainingExample choice)
    {
        int from = Math.Max(0, choice.Ids.Length - options.MaxLength);
        return choice with { Ids = choice.Ids[from..], Labels = choice.Labels[from..] };
    }

    private int[] Kept(int[] all) => task is not null ? task.Cut(all, options.MaxLength) : all.Length > options.MaxLength ? all[..options.MaxLength] : all;
}

/// <summary>What became of a row.</summary>
/// <param name="Example">Its example; null where there is nothing to learn.</param>
/// <param name="Encoded">The row before it was cut; null where there is nothing to learn, however long it may be.</param>
/// <param name="IsTruncated">Whether it was cut.</param>
/// <param name="Lack">Why there is nothing to learn, as <see cref="DatasetRow.Lack"/>; null where there is an example.</param>
/// <param name="Problem">Why it cannot be encoded; null where it can.</param>
internal readonly record struct MadeExample(TrainingExample? Example, EncodedRow? Encoded, bool IsTruncated, string? Lack, string? Problem = null);
