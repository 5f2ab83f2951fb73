namespace Lora.Data;

/// <summary>
/// Reads JSON Lines: UTF-8, one JSON object a line. Only LF ends a line; blank lines are skipped. A line may have 512 MB, the file any length.
/// </summary>
internal static class JsonLinesReader
{
    /// <summary>The rows; null for one that is bad, whose problem is noted.</summary>
    public static IEnumerable<DatasetRow?> Read(LineReader lines, DatasetFile file, RowProblems problems)
    {
        int number = 0;
        while (lines.TryRead(out ReadOnlyMemory<byte> line))
        {
            number++;
            if (!Trimmed(line).IsEmpty)
            {
                yield return Read(number, line, file, problems);
            }
        }

        if (!lines.IsAtEnd)
        {
            problems.Add(number + 1, $"it has more than {LineReader.LongestLine} bytes; what follows is not read");
        }
    }

    /// <summary>The row of one line; null for one that is bad, whose problem is noted.</summary>
    public static DatasetRow? Read(int number, ReadOnlyMemory<byte> line, DatasetFile file, RowProblems problems) =>
        JsonRow.Read(number, Trimmed(line), file, problems);

    private static ReadOnlyMemory<byte> Trimmed(ReadOnlyMemory<byte> line) => line.Trim(" \t\r"u8);
}
