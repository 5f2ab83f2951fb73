using System.Diagnostics.CodeAnalysis;
using Lora.Data;
using Lora.Models;
using Lora.Text;

namespace Lora.Training;

/// <summary>
/// Looks at the rows of a dataset one by one, encoded as a training would encode them. A bad row is one of them and ends nothing. Rows are read when
/// they are asked for, and of those that were given only what tells their like is kept.
/// </summary>
/// <remarks>Of the model its configuration, its tokenizer and its chat template are read, and no weights.</remarks>
public sealed class DatasetInspection
{
    // Rows that another thread encodes at a time.
    private const int PartRows = 64;

    private readonly IReadOnlyList<DatasetFile> files;
    private readonly IReadOnlyList<DatasetFile> heldOut;
    private DatasetOptions options;
    private readonly Tokenizer tokenizer;
    private readonly TrainingData data;
    private ExampleMaker maker;
    private ExampleMaker whole;
    private RowSpelling spelling;

    /// <param name="model">The folder of the model, or a file in it.</param>
    /// <param name="data">What is learned from, and what losses are taken on.</param>
    /// <param name="rows">How rows are read, and what of them is learned.</param>
    /// <param name="maxLength">Tokens of a row at the most; null for 1024, or what the model was made for where that is less.</param>
    /// <param name="taskType">PEFT's name of the task that the rows are for; null for what the model's class is for.</param>
    /// <exception cref="LoraException">Everything that is wrong with the options, the paths or the model's files.</exception>
    public DatasetInspection(string model, TrainingData data, DataOptions rows, int? maxLength = null, string? taskType = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(rows);
        string folder = File.Exists(model) ? Path.GetDirectoryName(Path.GetFullPath(model))! : model;
        List<LoraProblem> problems = [.. rows.Check(), .. data.Check(), .. OptionRules.AtLeast(nameof(DatasetOptions.MaxLength), maxLength ?? DatasetOptions.ShortestLength, DatasetOptions.ShortestLength)];
        Tokenizer? loaded = Problems.Collect(problems, () => Tokenizer.Load(folder));
        TaskShape? shape = Problems.Collect(problems, () => TaskReader.Read(folder, taskType));
        LearnedTask task = shape?.Task ?? LearnedTask.CausalLM;
        Problems.Collect(problems, () => task.Checked(rows.DatasetFormat));
        files = Problems.Collect(problems, () => DatasetFiles.Of(data, new(rows, task)))!;
        heldOut = Problems.Collect(problems, () => DatasetFiles.Of(data.ValidationDataset.SelectMany(set => set.Paths), new(rows, task)))!;
        LoraException.ThrowIfAny(problems);
        this.data = data;
        tokenizer = loaded!;
        options = new()
        {
            Data = rows,
            Chat = ChatEncoder.Of(new(folder, rows.ChatTemplate, null), tokenizer, rows, TimeProvider.System),
            MaxLength = maxLength ?? DatasetOptions.LengthFor(shape!.Positions),
            VocabularySize = shape!.VocabularySize,
            Positions = shape.Positions,
            Task = task,
        };
        Make();
    }

    /// <summary>The rows in the order of the files. A file that cannot be read is a failure that the observer is told of, and the next one follows.</summary>
    /// <param name="observer">Who is told.</param>
    /// <param name="cancellation">Checked at each row and word.</param>
    public IEnumerable<LoraDatasetRow> Rows(IRunObserver observer, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(observer);
        if (options.Task.IsClassification)
        {
            options = options with { Labels = Labels(cancellation) };
            Make();
        }

        RowContents contents = new();
        bool hasChats = false;
        foreach (DatasetFile file in heldOut)
        {
            foreach (ReadRow read in Followed(DatasetReader.ReadEach(file, cancellation), file, observer))
            {
                if (read.Row is DatasetRow row)
                {
                    contents.HoldOut(RowContents.Of(row), file, row.Line);
                }
            }
        }

        foreach (DatasetFile file in files)
        {
            foreach (InspectedRow inspected in Followed(Inspect(file, cancellation), file, observer))
            {
                IEnumerable<string> elsewhere = inspected.Content is UInt128 content ? contents.Meet(content, file, inspected.Row.Row) : [];
                string[] problems = [.. inspected.Problems, .. elsewhere];
                hasChats |= inspected.Row is { Format: DatasetFormat.Chat, SupervisedCount: > 0 };
                yield return inspected.Row with { Problem = problems.Length == 0 ? null : string.Join(' ', problems.Select(Sentence)) };
            }

            DatasetReport.Notices(file).ToList().ForEach(observer.OnWarning);
        }

        if (hasChats)
        {
            ChatNotices.Of(files, options.Chat!, tokenizer, clock: null).ToList().ForEach(observer.OnWarning);
        }

        try
        {
            RowRules.CheckFound([.. files, .. heldOut]);
        }
        catch (LoraException exception)
        {
            observer.OnFailure(exception);
        }
    }

    [MemberNotNull(nameof(maker), nameof(whole), nameof(spelling))]
    private void Make()
    {
        maker = new(tokenizer, options);
        // Less by one, since an encoder asks for one id more than it keeps, to see that a row is cut.
        whole = new(tokenizer, options with { MaxLength = int.MaxValue - 1 });
        spelling = new(tokenizer, options.Labels);
    }

    /// <summary>The labels of all rows that can be read; what keeps others from it is said when they are shown.</summary>
    private LabelSet Labels(CancellationToken cancellation)
    {
        LabelCensus labels = new();
        foreach (DatasetFile file in DatasetFiles.Of(data, new(options.Data, options.Task)))
        {
            try
            {
                DatasetReader.ReadEach(file, cancellation).Select(read => read.Row).OfType<DatasetRow>().ToList().ForEach(labels.Look);
            }
            catch (LoraException exception) when (exception.Error != LoraError.TemporaryFileFailed)
            {
                // The reading that follows says it.
            }
        }

        return labels.Decide(options.Task, options.Data.DatasetFormat);
    }

    /// <summary>What a file gives, as far as it can be read.</summary>
    private static IEnumerable<T> Followed<T>(IEnumerable<T> rows, DatasetFile file, IRunObserver observer)
    {
        string stage = $"Reading '{Path.GetFileName(file.Path)}'";
        long count = 0;
        using IEnumerator<T> enumerator = rows.GetEnumerator();
        while (Next())
        {
            observer.Report(new(stage, ++count, null, WorkUnit.Row));
            yield return enumerator.Current;
        }

        // A function of its own, since a yield may not stand within a try that catches.
        bool Next()
        {
            try
            {
                return enumerator.MoveNext();
            }
            catch (LoraException exception)
            {
                observer.OnFailure(exception);
                return false;
            }
        }
    }

    private IEnumerable<InspectedRow> Inspect(DatasetFile file, CancellationToken cancellation) => Prefetch.Ahead(
        Parts(file, cancellation).Chunk(PartRows),
        parts => parts.Select(part => Inspect(file, part, cancellation)).ToArray(),
        ahead: Environment.ProcessorCount).SelectMany(rows => rows);

    /// <summary>The rows that rows become; a document is as many as it has parts, of which the first stands for its content.</summary>
    private IEnumerable<(ReadRow Read, DatasetRow? Part, bool IsFirst)> Parts(DatasetFile file, CancellationToken cancellation)
    {
        PromptMarkers prompts = new(maker.Chat);
        foreach (ReadRow read in DatasetReader.ReadEach(file, cancellation))
        {
            if (read.Row is null)
            {
                yield return (read, null, true);
                continue;
            }

            bool isFirst = true;
            prompts.Look(read.Row);
            foreach (DatasetRow part in maker.Split(read.Row, cancellation))
            {
                yield return (read, part, isFirst);
                isFirst = false;
            }
        }

        prompts.Note(file);
    }

    private InspectedRow Inspect(DatasetFile file, (ReadRow Read, DatasetRow? Part, bool IsFirst) row, CancellationToken cancellation)
    {
        LoraDatasetRow place = new() { Row = row.Read.Line, File = file.Path };
        if (row.Part is null)
        {
            return new(place, [row.Read.Problem!], null);
        }

        LoraDatasetRow read = place with { Format = file.Format };
        UInt128? content = row.IsFirst && row.Read.Row!.Lack is null ? RowContents.Of(row.Read.Row) : null;
        try
        {
            MadeExample made = maker.Make(row.Part, cancellation);
            int count = made.Encoded is not EncodedRow encoded ? 0
                : encoded.IsWhole ? encoded.Example.Ids.Length
                : whole.Make(row.Part, cancellation).Encoded!.Example.Ids.Length;
            LoraDatasetRow spelled = made.Encoded is null ? read : spelling.Spell(read, made.Example ?? made.Encoded.Example, options.MaxLength);
            return new(spelled with { TokenCount = count, Truncated = made.IsTruncated, Choice = [.. (row.Part as ChoiceRow)?.Choices ?? []] }, [.. Befell(made, count)], content);
        }
        catch (LoraException exception) when (exception.Error is LoraError.TokenOutOfRange or LoraError.PatternTimeout)
        {
            return new(read, [exception.Message], content);
        }
    }

    /// <summary>What befalls a row on its way into an example.</summary>
    private IEnumerable<string> Befell(MadeExample made, int count)
    {
        if (made.Problem is string problem)
        {
            yield return problem;
        }
        else if (made.Example is null)
        {
            yield return $"it is left out, {made.Lack}";
        }
        else
        {
            if (made.IsTruncated)
            {
                yield return made.Example.Choices is null ? $"it has {count} tokens and is cut after {options.MaxLength}" : $"its question is cut at its beginning, so that it has {options.MaxLength} tokens with any of its choices";
            }

            if (made.Example.Ids.Length > options.Positions)
            {
                yield return $"it has more than the {options.Positions} tokens that the model was made for";
            }

            foreach (string note in DatasetReport.Of(made.Encoded!.Notes))
            {
                yield return $"it {note}";
            }
        }
    }

    private static string Sentence(string problem) => char.ToUpperInvariant(problem[0]) + problem[1..] + (problem[^1] == '.' ? "" : ".");
}

/// <summary>A row with what is wrong with it.</summary>
/// <param name="Row">The row.</param>
/// <param name="Problems">Each as a sentence without its capital and its point.</param>
/// <param name="Content">What tells rows of the same content; null where that is not asked.</param>
internal sealed record InspectedRow(LoraDatasetRow Row, string[] Problems, UInt128? Content);
