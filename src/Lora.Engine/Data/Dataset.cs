using System.Collections;
using System.Globalization;
using Lora.Text;

namespace Lora.Data;

/// <summary>The examples of one file or several, with what was left out of them.</summary>
/// <remarks>
/// It takes files and a tokenizer and gives token ids with labels: all tokens of a text, the completion of a prompt. A first pass reads every row, so
/// that a damaged one ends the run at its start, and keeps its place and not its tokens (<see cref="RowIndex"/>). A small dataset is then encoded at
/// once: rows with nothing to learn are out of it, every cut row is reported and each length known before training. The rows of a large one are encoded
/// when they are asked for, which is ahead of the training on other threads (<see cref="Prefetch"/>); what befalls them is known when it is over.
/// </remarks>
public sealed class Dataset : IDisposable
{
    private const int MostNamed = 5;

    // Rows that another thread encodes at a time.
    private const int PartRows = 64;

    private readonly RowStore store;
    private readonly RowIndex index;
    private readonly ExampleMaker maker;
    private readonly DatasetOptions options;
    private readonly ExampleCache cache;
    private readonly BitArray noted;

    /// <summary>The rows that count, by their numbers in the index.</summary>
    private int[] rows;

    private Dataset(IReadOnlyList<DatasetFile> files, RowStore store, RowIndex index, ExampleMaker maker, DatasetOptions options, TokenMasking? masking)
    {
        Masking = masking;
        Files = files;
        this.store = store;
        this.index = index;
        this.maker = maker;
        this.options = options;
        cache = new(index.Count, options.Limits.Kept);
        noted = new(index.Count);
        rows = [.. Enumerable.Range(0, index.Count)];
    }

    /// <summary>The files in the order in which they were read, each with what befell its rows.</summary>
    public IReadOnlyList<DatasetFile> Files { get; }

    /// <summary>The number of examples; where rows are encoded in training, of rows, of which some may have nothing to learn.</summary>
    public int Count => rows.Length;

    /// <summary>The labels of a classification: those that were known, or those of the rows; null for other tasks.</summary>
    internal LabelSet? Labels => options.Labels;

    /// <summary>What hides the tokens that are predicted; null where none are.</summary>
    internal TokenMasking? Masking { get; }

    /// <summary>How often each example comes in an epoch.</summary>
    internal EpochRows Epoch { get; private set; } = new(0);

    /// <summary>Whether all rows are encoded, so that what befell them is known.</summary>
    public bool IsEncoded { get; private set; }

    /// <summary>The examples in the order of the files, each with at least one token to learn. Those of a large dataset are encoded for it.</summary>
    public IReadOnlyList<TrainingExample> Examples => [.. Stream()];

    /// <summary>The tokens of all examples; of those that are not encoded yet, as many as they can have.</summary>
    public long TokenCount => Enumerable.Range(0, Count).Sum(number => (long)MostTokens(number));

    /// <summary>The tokens that are learned in one epoch.</summary>
    public long TargetCount => Stream().Sum(example => (long)example.TargetCount);

    /// <summary>Reads files, and encodes their rows where they are few.</summary>
    /// <param name="paths">Full paths of files, and of folders whose files are read (<see cref="DatasetReader"/>).</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="options">How rows become examples.</param>
    /// <param name="progress">Told of each row.</param>
    /// <param name="cancellation">Checked at each row and word.</param>
    /// <exception cref="LoraException">What is wrong with any file, as <see cref="DatasetReader.Read"/> says; <see cref="LoraError.ConfigValueInvalid"/>;
    /// <see cref="LoraError.TokenOutOfRange"/>; <see cref="LoraError.PatternTimeout"/>; <see cref="LoraError.TemporaryFileFailed"/>;
    /// <see cref="LoraError.NoSupervisedToken"/> when no row has anything to learn.</exception>
    public static Dataset Load(
        IReadOnlyList<string> paths, Tokenizer tokenizer, DatasetOptions options, IProgress<WorkProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return Load(new TrainingData(paths, []), tokenizer, options, progress, cancellation);
    }

    /// <summary>Reads what a run learns from, and encodes its rows where they are few.</summary>
    /// <inheritdoc cref="Load(IReadOnlyList{string}, Tokenizer, DatasetOptions, IProgress{WorkProgress}?, CancellationToken)"/>
    internal static Dataset Load(TrainingData data, Tokenizer tokenizer, DatasetOptions options, IProgress<WorkProgress>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(options);
        if (options.MaxLength < DatasetOptions.ShortestLength)
        {
            throw LoraException.Of(LoraError.ConfigValueInvalid, options.MaxLength, nameof(options.MaxLength), options.MaxLength, "at least 2");
        }

        LearnedTask task = options.Task.Checked(options.Data.DatasetFormat);
        TokenMasking? masking = task.Kind == TaskKind.MaskedLM ? TokenMasking.Of(tokenizer, options.VocabularySize) : null;
        IReadOnlyList<DatasetFile> files = DatasetFiles.Of(data, new(options.Data, task));
        ExampleMaker maker = new(tokenizer, options);
        LabelCensus labels = new();
        RowStore store = new(files, options.Limits);
        try
        {
            RowIndex index = FirstPass.Read(files, store, maker, labels, progress, cancellation);
            if (options.Task.IsClassification && options.Labels is null)
            {
                LabelSet found = labels.Decide(options.Task, options.Data.DatasetFormat);
                options = options with { Labels = found };
                if (found is { Kind: LabelKind.One, Count: 1 })
                {
                    throw LoraException.Of(LoraError.LabelAlone, files[0].Path, string.Join("', '", files.Select(file => file.Path)), found.Names[0]);
                }

                // What encodes rows needs the numbers of the labels, which the first pass alone could tell.
                maker = new(tokenizer, options);
            }

            Dataset dataset = new(files, store, index, maker, options, masking);
            if (dataset.index.Length <= options.Limits.EncodedAtOnce)
            {
                dataset.EncodeAll(progress, cancellation);
            }

            dataset.CheckAnyLearned();
            dataset.Epoch = dataset.CountEpoch();
            return dataset;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>An example; null where its row has nothing to learn, which is noted. Several threads may ask.</summary>
    /// <param name="number">From 0 up to <see cref="Count"/>.</param>
    /// <exception cref="LoraException"><see cref="LoraError.DatasetChanged"/>, <see cref="LoraError.FileUnreadable"/>, <see cref="LoraError.RowInvalid"/>
    /// for a row that cannot be encoded, <see cref="LoraError.TokenOutOfRange"/>.</exception>
    public TrainingExample? Example(int number) => cache.Find(rows[number]) ?? Keep(rows[number], Make(rows[number], CancellationToken.None));

    /// <summary>The tokens that an example has, or where that is not known yet the most that it can have.</summary>
    /// <param name="number">From 0 up to <see cref="Count"/>.</param>
    public int MostTokens(int number) => cache.Find(rows[number])?.Ids.Length ?? (int)Math.Min((long)index[rows[number]].Length + Overhead(number), options.MaxLength);

    private int Overhead(int number) => Files[index[rows[number]].File].Format == DatasetFormat.Chat ? maker.Chat.Value.Overhead : 0;

    /// <summary>The examples in the order of the files, each encoded ahead of its use.</summary>
    public IEnumerable<TrainingExample> Stream() => Rows().OfType<TrainingExample>();

    /// <summary>The same by the rows' numbers: null for one with nothing to learn.</summary>
    internal IEnumerable<TrainingExample?> Rows() =>
        Prefetch.Ahead(Enumerable.Range(0, Count).Chunk(PartRows), part => part.Select(Example).ToArray(), ahead: 2).SelectMany(part => part);

    /// <inheritdoc/>
    public void Dispose() => store.Dispose();

    /// <summary>Encodes all rows; those without anything to learn are rows no longer.</summary>
    private void EncodeAll(IProgress<WorkProgress>? progress, CancellationToken cancellation)
    {
        List<int> learned = [];
        RowProblems[] problems = [.. Files.Select(file => new RowProblems(file))];
        string stage = $"Encoding '{Path.GetFileName(Files[0].Path)}'{(Files.Count > 1 ? $" and {Files.Count - 1} more" : "")}";
        int encoded = 0;
        IEnumerable<(int Row, MadeExample Made)[]> parts = Prefetch.Ahead(
            rows.Chunk(PartRows), part => part.Select(row => (row, Make(row, cancellation))).ToArray(), ahead: 2 * Environment.ProcessorCount);
        foreach ((int row, MadeExample made) in parts.SelectMany(part => part))
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Report(new(stage, ++encoded, rows.Length, WorkUnit.Row));
            if (made.Problem is string problem)
            {
                problems[index[row].File].Add(index[row].Line, problem);
            }
            else if (Keep(row, made) is not null)
            {
                learned.Add(row);
            }
        }

        LoraException.ThrowIfAny([.. problems.SelectMany(problem => problem.All())]);
        rows = [.. learned];
        IsEncoded = true;
    }

    private MadeExample Make(int row, CancellationToken cancellation)
    {
        MadeExample made = maker.Make(store.Read(index[row]), cancellation);
        return made with { Example = made.Example is null ? null : made.Example with { File = Files[index[row].File].Path } };
    }

    /// <summary>Keeps an example where there is room, and notes what befell its row, once however often it is encoded.</summary>
    private TrainingExample? Keep(int row, MadeExample made)
    {
        DatasetFile file = Files[index[row].File];
        int line = index[row].Line;
        if (made.Problem is string problem)
        {
            RowProblems one = new(file);
            one.Add(line, problem);
            one.ThrowIfAny();
        }

        if (made.Example is not null)
        {
            cache.Add(row, made.Example);
        }

        // Rows are encoded on several threads, and the lists of what befell them are for one.
        lock (noted)
        {
            if (!noted[row])
            {
                noted[row] = true;
                Note(file, line, made);
            }
        }

        return made.Example;
    }

    private void Note(DatasetFile file, int line, MadeExample made)
    {
        if (made.IsTruncated)
        {
            file.Truncated.Add(new(line, made.Encoded!.IsWhole ? made.Encoded.Example.Ids.Length : null));
        }

        if (made.Example is null)
        {
            file.LeftOut.Add(new(line, made.Lack!));
            return;
        }

        if (made.Example.Ids.Length > options.Positions)
        {
            file.Overlong.Add(line);
        }

        file.Note(line, made.Encoded!.Notes);
    }

    private EpochRows CountEpoch() => Files.All(file => file.Weight == 1) ? new(Count) : new([.. rows.Select(row => Files[index[row].File].Weight)]);

    private void CheckAnyLearned()
    {
        // It stops at the first: a large dataset is not encoded for it.
        if (!Enumerable.Range(0, Count).Any(number => Example(number) is not null))
        {
            string reason = string.Create(CultureInfo.InvariantCulture,
                $"of {Files.Sum(file => file.LeftOut.Count)} rows, {Files.Sum(file => file.Truncated.Count)} lost what is to be learned to the limit of {options.MaxLength} tokens and the others have none");
            string name = string.Join(", ", Files.Select(file => $"'{file.Path}'").Take(MostNamed)) + (Files.Count > MostNamed ? ", ..." : "");
            throw LoraException.Of(LoraError.NoSupervisedToken, Files[0].Path, name, reason);
        }
    }
}
