using System.Globalization;
using Lora.Text;

namespace Lora.Data;

/// <summary>The examples of one file or several, with what was left out of them.</summary>
/// <remarks>
/// It takes files and a tokenizer and gives token ids with labels: all tokens of a text, the completion of a prompt. Everything is
/// encoded once, before training, so that a damaged row ends the run at its start, every cut row is reported, and the memory plan knows each length.
/// </remarks>
public sealed class Dataset
{
    private const int ShortestLength = 2;
    private const int MostNamed = 5;

    private readonly List<TrainingExample> examples = [];

    private Dataset(IReadOnlyList<DatasetFile> files) => Files = files;

    /// <summary>The files in the order in which they were read, each with what befell its rows.</summary>
    public IReadOnlyList<DatasetFile> Files { get; }

    /// <summary>The examples in the order of the files, each with at least one token to learn.</summary>
    public IReadOnlyList<TrainingExample> Examples => examples;

    /// <summary>The tokens of all examples.</summary>
    public long TokenCount => examples.Sum(example => (long)example.Ids.Length);

    /// <summary>The tokens that are learned in one epoch.</summary>
    public long TargetCount => examples.Sum(example => (long)example.TargetCount);

    /// <summary>Reads files and encodes their rows.</summary>
    /// <param name="paths">Full paths of files, and of folders whose files are read (<see cref="DatasetReader"/>).</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="options">How rows become examples.</param>
    /// <param name="progress">Told of each row.</param>
    /// <param name="cancellation">Checked at each row and word.</param>
    /// <exception cref="LoraException">What is wrong with any file, as <see cref="DatasetReader.Read"/> says; <see cref="LoraError.ConfigValueInvalid"/>;
    /// <see cref="LoraError.TokenOutOfRange"/>; <see cref="LoraError.PatternTimeout"/>;
    /// <see cref="LoraError.NoSupervisedToken"/> when no row has anything to learn.</exception>
    public static Dataset Load(
        IReadOnlyList<string> paths, Tokenizer tokenizer, DatasetOptions options, IProgress<WorkProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(options);
        if (options.MaxLength < ShortestLength)
        {
            throw LoraException.Of(LoraError.ConfigValueInvalid, options.MaxLength, nameof(options.MaxLength), options.MaxLength, "at least 2");
        }

        Dataset dataset = new(DatasetFiles.Of(paths));
        List<LoraProblem> problems = [];
        foreach (DatasetFile file in dataset.Files)
        {
            try
            {
                dataset.Read(file, tokenizer, options, progress, cancellation);
            }
            catch (LoraException exception)
            {
                // The other files' problems come with it.
                problems.AddRange(exception.Problems);
            }
        }

        LoraException.ThrowIfAny(problems);
        dataset.CheckAnyLearned(options);
        tokenizer.CheckRange(dataset.examples.SelectMany(example => example.Ids), options.VocabularySize ?? int.MaxValue);
        return dataset;
    }

    private void Read(DatasetFile file, Tokenizer tokenizer, DatasetOptions options, IProgress<WorkProgress>? progress, CancellationToken cancellation)
    {
        RowEncoder encoder = new(tokenizer, options.MaxLength);
        RowEncoder whole = new(tokenizer, int.MaxValue - 1);
        string stage = $"Reading '{Path.GetFileName(file.Path)}'";
        long rows = 0;
        foreach (DatasetRow row in DatasetReader.Read(file, cancellation))
        {
            progress?.Report(new(stage, ++rows, null, WorkUnit.Row)); // the file is read row by row, and their number known at its end
            if (row is TextRow { IsDocument: true } && whole.Encode(row, cancellation) is EncodedRow document)
            {
                examples.AddRange(Parts(document.Example, options.MaxLength));
            }
            else
            {
                Add(file, row.Line, encoder.Encode(row, cancellation), options);
            }
        }
    }

    /// <summary>A document in examples of a length. Each begins with the token before it, so that every token but the first is learned once.</summary>
    private static IEnumerable<TrainingExample> Parts(TrainingExample document, int length)
    {
        for (int start = 0; start == 0 || start < document.Ids.Length - 1; start += length - 1)
        {
            int end = Math.Min(start + length, document.Ids.Length);
            yield return new(document.Ids[start..end], document.Labels[start..end], document.Line);
        }
    }

    private void Add(DatasetFile file, int line, EncodedRow? row, DatasetOptions options)
    {
        TrainingExample? example = row?.Example;
        if (example?.Ids.Length > options.MaxLength)
        {
            file.Truncated.Add(new(line, row!.IsWhole ? example.Ids.Length : null));
            example = new(example.Ids[..options.MaxLength], example.Labels[..options.MaxLength], line);
        }

        if (example is null or { TargetCount: 0 })
        {
            file.Unsupervised.Add(line);
            return;
        }

        examples.Add(example);
        if (row!.IsCut)
        {
            file.Border.Add(line);
        }

        if (example.Ids.Length > options.Positions)
        {
            file.Overlong.Add(line);
        }
    }

    private void CheckAnyLearned(DatasetOptions options)
    {
        if (examples.Count == 0)
        {
            string reason = string.Create(CultureInfo.InvariantCulture,
                $"of {Files.Sum(file => file.Unsupervised.Count)} rows, {Files.Sum(file => file.Truncated.Count)} lost what is to be learned to the limit of {options.MaxLength} tokens and the others are empty");
            string name = string.Join(", ", Files.Select(file => $"'{file.Path}'").Take(MostNamed)) + (Files.Count > MostNamed ? ", ..." : "");
            throw LoraException.Of(LoraError.NoSupervisedToken, Files[0].Path, name, reason);
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
    /// <summary>How rows are read, and what of them is learned.</summary>
    public DataOptions Data { get; init; } = new();

    /// <summary>The most tokens that an example has; what a row has beyond them is cut off its end.</summary>
    public int MaxLength { get; init; } = 1024;

    /// <summary>The number of rows of the model's embedding, which ids are checked against; null leaves them unchecked.</summary>
    public int? VocabularySize { get; init; }

    /// <summary>The tokens that the model was made for (<c>max_position_embeddings</c>); null where that is not known.</summary>
    public int? Positions { get; init; }
}
