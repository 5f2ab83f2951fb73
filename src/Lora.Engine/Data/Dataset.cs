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

    private Dataset(string path, IReadOnlyList<TrainingExample> examples, IReadOnlyList<TruncatedRow> truncated, IReadOnlyList<int> unsupervised)
    {
        Path = path;
        Examples = examples;
        TruncatedRows = truncated;
        UnsupervisedRows = unsupervised;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The examples in the order of the file, each with at least one token to learn.</summary>
    public IReadOnlyList<TrainingExample> Examples { get; }

    /// <summary>The rows that were cut, with their lengths.</summary>
    public IReadOnlyList<TruncatedRow> TruncatedRows { get; }

    /// <summary>The lines of rows that were left out: their text or completion is empty, or lies beyond the limit.</summary>
    public IReadOnlyList<int> UnsupervisedRows { get; }

    /// <summary>The tokens of all examples.</summary>
    public long TokenCount => Examples.Sum(example => (long)example.Ids.Length);

    /// <summary>The tokens that are learned in one epoch.</summary>
    public long TargetCount => Examples.Sum(example => (long)example.TargetCount);

    /// <summary>Reads a .jsonl file and encodes its rows.</summary>
    /// <exception cref="LoraException">What <see cref="JsonLinesReader.Read"/> throws; <see cref="LoraError.ConfigValueInvalid"/>;
    /// <see cref="LoraError.TokenOutOfRange"/>; <see cref="LoraError.NoSupervisedToken"/> when no row has anything to learn.</exception>
    public static Dataset Load(string path, Tokenizer tokenizer, DatasetOptions options)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(options);
        if (options.MaxLength < ShortestLength)
        {
            throw LoraException.Of(LoraError.ConfigValueInvalid, options.MaxLength, nameof(options.MaxLength), options.MaxLength, "at least 2");
        }

        IReadOnlyList<DatasetRow> rows = JsonLinesReader.Read(path);
        RowEncoder encoder = new(tokenizer);
        List<TrainingExample> examples = [];
        List<TruncatedRow> truncated = [];
        List<int> unsupervised = [];
        foreach (DatasetRow row in rows)
        {
            TrainingExample? example = encoder.Encode(row);
            if (example?.Ids.Length > options.MaxLength)
            {
                truncated.Add(new(row.Line, example.Ids.Length));
                example = new(example.Ids[..options.MaxLength], example.Labels[..options.MaxLength], example.Line);
            }

            if (example is null or { TargetCount: 0 })
            {
                unsupervised.Add(row.Line);
            }
            else
            {
                examples.Add(example);
            }
        }

        if (examples.Count == 0)
        {
            string reason = string.Create(CultureInfo.InvariantCulture,
                $"of {rows.Count} rows, {truncated.Count} lost what is to be learned to the limit of {options.MaxLength} tokens and the others are empty");
            throw LoraException.Of(LoraError.NoSupervisedToken, path, $"'{path}'", reason);
        }

        CheckVocabulary(examples, tokenizer, options);
        return new(path, examples, truncated, unsupervised);
    }

    private static void CheckVocabulary(List<TrainingExample> examples, Tokenizer tokenizer, DatasetOptions options)
    {
        int highest = examples.Max(example => example.Ids.Max());
        if (highest >= options.VocabularySize)
        {
            throw LoraException.Of(LoraError.TokenOutOfRange, tokenizer.Path, tokenizer.Path, highest, options.VocabularySize);
        }
    }
}

/// <summary>A row that was longer than the limit.</summary>
/// <param name="Line">Where the row stands in its file, from 1.</param>
/// <param name="Tokens">How many tokens it had before it was cut.</param>
public sealed record TruncatedRow(int Line, int Tokens);

/// <summary>How rows become examples.</summary>
public sealed record DatasetOptions
{
    /// <summary>The most tokens that an example has; what a row has beyond them is cut off its end.</summary>
    public int MaxLength { get; init; } = 1024;

    /// <summary>The number of rows of the model's embedding, which ids are checked against; null leaves them unchecked.</summary>
    public int? VocabularySize { get; init; }
}
