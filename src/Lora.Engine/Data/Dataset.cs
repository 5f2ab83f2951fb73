using System.Globalization;
using Lora.Text;

namespace Lora.Data;

/// <summary>The examples of a file, with what was left out of them.</summary>
/// <remarks>
/// It takes a JSON Lines file and a tokenizer and gives token ids with labels: all tokens of a text, the completion of a prompt. Everything is
/// encoded once, before training, so that a damaged row ends the run at its start, every cut row is reported, and the memory plan knows each length.
/// </remarks>
public sealed class Dataset
{
    private const int ShortestLength = 2;

    private readonly List<TrainingExample> examples = [];
    private readonly List<TruncatedRow> truncated = [];
    private readonly List<int> unsupervised = [];
    private readonly List<int> cut = [];
    private readonly List<int> beyond = [];

    private Dataset(string path) => Path = path;

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The examples in the order of the file, each with at least one token to learn.</summary>
    public IReadOnlyList<TrainingExample> Examples => examples;

    /// <summary>The rows that were cut, with their lengths.</summary>
    public IReadOnlyList<TruncatedRow> TruncatedRows => truncated;

    /// <summary>The lines of rows that were left out: their text or completion is empty, or lies beyond the limit.</summary>
    public IReadOnlyList<int> UnsupervisedRows => unsupervised;

    /// <summary>The lines of rows in which the text as a whole would have a token that reaches from the prompt into the completion.</summary>
    public IReadOnlyList<int> BorderRows => cut;

    /// <summary>The lines of rows that have, cut as they are, more tokens than the model was made for.</summary>
    public IReadOnlyList<int> OverlongRows => beyond;

    /// <summary>The tokens of all examples.</summary>
    public long TokenCount => examples.Sum(example => (long)example.Ids.Length);

    /// <summary>The tokens that are learned in one epoch.</summary>
    public long TargetCount => examples.Sum(example => (long)example.TargetCount);

    /// <summary>Reads a .jsonl file and encodes its rows.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="options">How rows become examples.</param>
    /// <param name="progress">Told of each row.</param>
    /// <param name="cancellation">Checked at each line and word.</param>
    /// <exception cref="LoraException">What <see cref="JsonLinesReader.Read"/> throws; <see cref="LoraError.ConfigValueInvalid"/>;
    /// <see cref="LoraError.TokenOutOfRange"/>; <see cref="LoraError.PatternTimeout"/>;
    /// <see cref="LoraError.NoSupervisedToken"/> when no row has anything to learn.</exception>
    public static Dataset Load(
        string path, Tokenizer tokenizer, DatasetOptions options, IProgress<WorkProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(options);
        if (options.MaxLength < ShortestLength)
        {
            throw LoraException.Of(LoraError.ConfigValueInvalid, options.MaxLength, nameof(options.MaxLength), options.MaxLength, "at least 2");
        }

        Dataset dataset = new(path);
        RowEncoder encoder = new(tokenizer, options.MaxLength);
        string stage = $"Reading '{System.IO.Path.GetFileName(path)}'";
        long rows = 0;
        foreach (DatasetRow row in JsonLinesReader.Read(path, cancellation))
        {
            progress?.Report(new(stage, ++rows, null, WorkUnit.Row)); // the file is read row by row, and their number known at its end
            dataset.Add(row.Line, encoder.Encode(row, cancellation), options);
        }

        dataset.CheckAnyLearned(options);
        tokenizer.CheckRange(dataset.examples.SelectMany(example => example.Ids), options.VocabularySize ?? int.MaxValue);
        return dataset;
    }

    private void Add(int line, EncodedRow? row, DatasetOptions options)
    {
        TrainingExample? example = row?.Example;
        if (example?.Ids.Length > options.MaxLength)
        {
            truncated.Add(new(line, row!.IsWhole ? example.Ids.Length : null));
            example = new(example.Ids[..options.MaxLength], example.Labels[..options.MaxLength], line);
        }

        if (example is null or { TargetCount: 0 })
        {
            unsupervised.Add(line);
            return;
        }

        examples.Add(example);
        if (row!.IsCut)
        {
            cut.Add(line);
        }

        if (example.Ids.Length > options.Positions)
        {
            beyond.Add(line);
        }
    }

    private void CheckAnyLearned(DatasetOptions options)
    {
        if (examples.Count == 0)
        {
            string reason = string.Create(CultureInfo.InvariantCulture,
                $"of {unsupervised.Count} rows, {truncated.Count} lost what is to be learned to the limit of {options.MaxLength} tokens and the others are empty");
            throw LoraException.Of(LoraError.NoSupervisedToken, Path, $"'{Path}'", reason);
        }
    }
}

/// <summary>A row that was longer than the limit.</summary>
/// <param name="Line">Where the row stands in its file, from 1.</param>
/// <param name="Tokens">How many tokens it had before it was cut; null where it is so long that they were not counted.</param>
public sealed record TruncatedRow(int Line, int? Tokens);

/// <summary>How rows become examples.</summary>
public sealed record DatasetOptions
{
    /// <summary>The most tokens that an example has; what a row has beyond them is cut off its end.</summary>
    public int MaxLength { get; init; } = 1024;

    /// <summary>The number of rows of the model's embedding, which ids are checked against; null leaves them unchecked.</summary>
    public int? VocabularySize { get; init; }

    /// <summary>The tokens that the model was made for (<c>max_position_embeddings</c>); null where that is not known.</summary>
    public int? Positions { get; init; }
}
