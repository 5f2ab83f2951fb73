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
            ReadOnlyMemory<byte> content = line.Trim(" \t\r"u8);
            if (content.Length > 0)
            {
                yield return JsonRow.Read(number, content, file, problems);
            }
        }

        if (!lines.IsAtEnd)
        {
            problems.Add(number + 1, $"it has more than {LineReader.LongestLine} bytes; what follows is not read");
        }
    }
}
