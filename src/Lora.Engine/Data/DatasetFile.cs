namespace Lora.Data;

/// <summary>One file of a dataset, with what befell its rows on their way into tokens.</summary>
/// <param name="path">The file.</param>
public sealed class DatasetFile(string path)
{
    // A file whose every row has keys of its own would fill the memory with their names.
    private const int MostColumns = 1000;

    private readonly List<string> unusedColumns = [];
    private readonly List<string> notices = [];

    /// <summary>The file.</summary>
    public string Path { get; } = path;

    /// <summary>The rows that were cut, with their lengths.</summary>
    public IReadOnlyList<TruncatedRow> TruncatedRows => Truncated;

    /// <summary>The lines of rows that were left out: their text or completion is empty, or lies beyond the limit.</summary>
    public IReadOnlyList<int> UnsupervisedRows => Unsupervised;

    /// <summary>The lines of rows in which the text as a whole would have a token that reaches from the prompt into the completion.</summary>
    public IReadOnlyList<int> BorderRows => Border;

    /// <summary>The lines of rows that have, cut as they are, more tokens than the model was made for.</summary>
    public IReadOnlyList<int> OverlongRows => Overlong;

    /// <summary>The columns that rows have and nothing is learned from, as they are written.</summary>
    public IReadOnlyList<string> UnusedColumns => unusedColumns;

    /// <summary>What else a user should know, as the end of a sentence that begins with the file: <c>is text in UTF-16</c>.</summary>
    public IReadOnlyList<string> Notices => notices;

    /// <summary>What rows are counted by: <c>line</c>, or <c>row</c> where lines mean nothing.</summary>
    internal string Unit { get; set; } = "line";

    internal List<TruncatedRow> Truncated { get; } = [];

    internal List<int> Unsupervised { get; } = [];

    internal List<int> Border { get; } = [];

    internal List<int> Overlong { get; } = [];

    /// <summary>Notes something once.</summary>
    internal void Note(string notice)
    {
        if (!notices.Contains(notice))
        {
            notices.Add(notice);
        }
    }

    /// <summary>Notes a column that is not used.</summary>
    internal void Unused(string column)
    {
        if (unusedColumns.Count < MostColumns && !unusedColumns.Contains(column))
        {
            unusedColumns.Add(column);
        }
    }
}
