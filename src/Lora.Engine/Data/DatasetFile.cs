namespace Lora.Data;

/// <summary>One file of a dataset, with what befell its rows on their way into tokens.</summary>
/// <param name="path">The file.</param>
public sealed class DatasetFile(string path)
{
    // A file whose every row has keys of its own would fill the memory with their names.
    private const int MostColumns = 1000;

    private readonly List<string> unusedColumns = [];
    private readonly HashSet<string> unused = [];
    private readonly HashSet<(string Column, string Key)> unusedKeys = [];
    private readonly List<string> notices = [];
    private readonly Dictionary<string, LineList> rowNotices = [];
    private readonly HashSet<string> columns = [];
    private RowLayout? layout;
    private int firstRow;

    /// <summary>The file; of rows that a program gives what they are called.</summary>
    public string Path { get; } = path;

    /// <summary>How often an epoch has its rows (<see cref="TrainingData.DatasetWeight"/>).</summary>
    public double Weight { get; init; } = 1;

    /// <summary>The rows that were cut, with their lengths.</summary>
    public IReadOnlyList<TruncatedRow> TruncatedRows => Truncated;

    /// <summary>The lines of rows that were left out: there is nothing to learn, or it lies beyond the limit.</summary>
    public IReadOnlyList<int> UnsupervisedRows => [.. LeftOut.Select(row => row.Line)];

    /// <summary>The lines of rows in which the text as a whole would have a token that reaches from the prompt into the completion.</summary>
    public IReadOnlyList<int> BorderRows => Noted[RowNotes.Cut];

    /// <summary>The lines of conversations in which a message of the assistant is empty, and so not learned.</summary>
    public IReadOnlyList<int> EmptyTurnRows => Noted[RowNotes.EmptyTurn];

    /// <summary>The lines of conversations whose reasoning the chat template does not write, or not all of it.</summary>
    public IReadOnlyList<int> UnwrittenReasoningRows => Noted[RowNotes.UnwrittenReasoning];

    /// <summary>The lines of conversations of which the chat template leaves a message out.</summary>
    public IReadOnlyList<int> UnwrittenMessageRows => Noted[RowNotes.UnwrittenMessage];

    /// <summary>The lines of conversations that spell a special token, which is characters there.</summary>
    public IReadOnlyList<int> SpelledTokenRows => Noted[RowNotes.SpelledToken];

    /// <summary>The lines of rows that have, cut as they are, more tokens than the model was made for.</summary>
    public IReadOnlyList<int> OverlongRows => Overlong;

    /// <summary>The columns that rows have and nothing is learned from, as they are written.</summary>
    public IReadOnlyList<string> UnusedColumns => unusedColumns;

    /// <summary>What else a user should know, as the end of a sentence that begins with the file: <c>is text in UTF-16</c>.</summary>
    public IReadOnlyList<string> Notices =>
        [.. notices, .. rowNotices.Select(notice => $"has {notice.Value.Count} {(notice.Value.Count == 1 ? "row" : "rows")} {notice.Key} ({notice.Value.ToString(Unit)})")];

    /// <summary>How the rows are read; null before the first is.</summary>
    public DatasetFormat? Format { get; private set; }

    /// <summary>Rows that were read; a long document has several.</summary>
    internal int RowCount { get; set; }

    /// <summary>The rows that a program gives in place of a file; null for a file.</summary>
    internal GivenRows? Given { get; init; }

    /// <summary>What rows are counted by: <c>line</c>, or <c>row</c> where lines mean nothing.</summary>
    internal string Unit { get; set; } = "line";

    /// <summary>The columns that rows have, used or not; of very many the first, and those that are said to be read.</summary>
    internal IReadOnlyCollection<string> Columns => columns;

    /// <summary>What is said of how its rows are read.</summary>
    internal RowRules Rules { get; init; } = RowRules.Usual;

    /// <summary>Whether a row can be read again at its place in the file.</summary>
    internal bool IsReadInPlace { get; set; }

    internal List<TruncatedRow> Truncated { get; } = [];

    internal List<LeftOutRow> LeftOut { get; } = [];

    internal List<int> Overlong { get; } = [];

    internal IReadOnlyDictionary<RowNotes, List<int>> Noted { get; } = Enum.GetValues<RowNotes>().ToDictionary(note => note, _ => new List<int>());

    /// <summary>Notes what befell a row.</summary>
    internal void Note(int line, RowNotes notes)
    {
        foreach ((RowNotes note, List<int> lines) in Noted)
        {
            if (notes.HasFlag(note))
            {
                lines.Add(line);
            }
        }
    }

    /// <summary>Notes something once.</summary>
    internal void Note(string notice)
    {
        if (!notices.Contains(notice))
        {
            notices.Add(notice);
        }
    }

    /// <summary>Notes something of a row, as the end of a sentence that begins with the file and rows of it: <c>whose last message is not learned</c>.</summary>
    internal void NoteRow(int line, string notice)
    {
        if (!rowNotices.TryGetValue(notice, out LineList? lines))
        {
            rowNotices[notice] = lines = new();
        }

        lines.Add(line);
    }

    /// <summary>Notes a column that is not used.</summary>
    internal void Unused(string column)
    {
        if (unused.Count < MostColumns && unused.Add(column))
        {
            unusedColumns.Add(column);
        }
    }

    /// <summary>Notes a key inside of a column's messages that is not used.</summary>
    internal void UnusedKey(string column, string key)
    {
        if (unusedKeys.Count < MostColumns && unusedKeys.Add((column, key)))
        {
            Unused($"{column}[].{key}");
        }
    }

    /// <summary>The values of a row by what their columns mean.</summary>
    /// <exception cref="FormatException">A name stands twice.</exception>
    internal RowCells Cells(RowField[] fields)
    {
        // The rows of a file nearly always have the same columns, so what these mean is found once.
        if (layout?.Fits(fields) != true)
        {
            layout = new(fields, Rules);
            columns.UnionWith(fields.Select(field => field.Name).Where(name => columns.Count < MostColumns || Rules.Columns.Contains(name, StringComparer.OrdinalIgnoreCase)));
        }

        return new(layout, fields);
    }

    /// <summary>The same file without anything noted, for rows that are read once more.</summary>
    internal DatasetFile Again() => new(Path) { Rules = Rules, Unit = Unit, layout = layout };

    /// <summary>Holds all rows to the kind of the first.</summary>
    /// <exception cref="FormatException">A row is of another.</exception>
    internal void MustBe(DatasetFormat format, int line)
    {
        if (Format is DatasetFormat first && first != format)
        {
            throw new FormatException(
                $"it is {Name(format)}, and {Unit} {firstRow} is {Name(first)}; all rows of a file must be of one kind: part the file, or say by -DatasetFormat how they are read");
        }

        firstRow = Format is null ? line : firstRow;
        Format = format;
    }

    private static string Name(DatasetFormat format) => format switch
    {
        DatasetFormat.Text => "a text",
        DatasetFormat.Completion => "a prompt with its completion",
        DatasetFormat.Label or DatasetFormat.Score => "a text with a label",
        DatasetFormat.Tag => "words with tags",
        DatasetFormat.Choice => "a question with choices",
        _ => "a chat",
    };
}

/// <summary>A row with nothing to learn.</summary>
/// <param name="Line">Where the row stands in its file, from 1.</param>
/// <param name="Reason">Why, as <see cref="DatasetRow.Lack"/>.</param>
internal readonly record struct LeftOutRow(int Line, string Reason);

/// <summary>A row that was longer than the limit.</summary>
/// <param name="Line">Where the row stands in its file, from 1.</param>
/// <param name="Tokens">How many tokens it had before it was cut; null where it is so long that they were not counted.</param>
public readonly record struct TruncatedRow(int Line, int? Tokens);
