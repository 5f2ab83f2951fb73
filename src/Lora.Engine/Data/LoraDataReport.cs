using Lora.Data;

namespace Lora;

/// <summary>What a run read of one file, and what befell its rows: what is said in warnings, as lists. Of a large dataset it is what befell the rows that were encoded.</summary>
public sealed class LoraDataReport
{
    /// <summary>The file.</summary>
    public string Path { get; init; } = "";

    /// <summary>The name of the validation set that it belongs to; null for what was learned from.</summary>
    public string? ValidationSet { get; init; }

    /// <summary>How its rows were read.</summary>
    public DatasetFormat? Format { get; init; }

    /// <summary>The rows, those of them that were left out too; a long document has several.</summary>
    public int RowCount { get; init; }

    /// <summary>The lines of rows that were cut at their end.</summary>
    public int[] Truncated { get; init; } = [];

    /// <summary>The lines of rows that were left out, without a token to learn from.</summary>
    public int[] LeftOut { get; init; } = [];

    /// <summary>The lines of rows that have more tokens than the model was made for.</summary>
    public int[] Overlong { get; init; } = [];

    /// <summary>The lines of rows that were cut between prompt and completion where one token would join them.</summary>
    public int[] Border { get; init; } = [];

    /// <summary>The lines of conversations in which a message of the assistant is empty.</summary>
    public int[] EmptyTurn { get; init; } = [];

    /// <summary>The lines of conversations of whose reasoning the chat template does not write all.</summary>
    public int[] UnwrittenReasoning { get; init; } = [];

    /// <summary>The lines of conversations of which the chat template leaves a message out.</summary>
    public int[] UnwrittenMessage { get; init; } = [];

    /// <summary>The lines of conversations that spell a special token, which was read as characters.</summary>
    public int[] SpelledToken { get; init; } = [];

    /// <summary>The columns from which nothing was learned.</summary>
    public string[] UnusedColumn { get; init; } = [];

    /// <summary>What else was said of the file.</summary>
    public string[] Notice { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(
        $"{System.IO.Path.GetFileName(Path)}: {RowCount} {(RowCount == 1 ? "row" : "rows")}, {Truncated.Length} cut, {LeftOut.Length} left out");

    /// <summary>The report of a file.</summary>
    internal static LoraDataReport Of(DatasetFile file, string? validationSet) => new()
    {
        Path = file.Path,
        ValidationSet = validationSet,
        Format = file.Format,
        RowCount = file.RowCount,
        Truncated = [.. file.TruncatedRows.Select(row => row.Line).Order()],
        LeftOut = [.. file.UnsupervisedRows.Order()],
        Overlong = [.. file.OverlongRows.Order()],
        Border = [.. file.BorderRows.Order()],
        EmptyTurn = [.. file.EmptyTurnRows.Order()],
        UnwrittenReasoning = [.. file.UnwrittenReasoningRows.Order()],
        UnwrittenMessage = [.. file.UnwrittenMessageRows.Order()],
        SpelledToken = [.. file.SpelledTokenRows.Order()],
        UnusedColumn = [.. file.UnusedColumns],
        Notice = [.. file.Notices],
    };
}
