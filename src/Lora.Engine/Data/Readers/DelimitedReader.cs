using System.Text;
using System.Text.Unicode;

namespace Lora.Data;

/// <summary>Reads CSV and TSV as spreadsheets write them: a header, the delimiter found by it or said by a first line <c>sep=;</c>. A row's line is that on which it begins.</summary>
internal static class DelimitedReader
{
    private const string Separator = "sep=";

    /// <summary>The rows; null for one that is bad, whose problem is noted.</summary>
    public static IEnumerable<DatasetRow?> Read(LineReader lines, DatasetFile file, RowProblems problems)
    {
        int number = 0;
        string? first = Next(lines, ref number, problems);
        char? said = first?.TrimEnd('\r') is { Length: 5 } sep && sep.StartsWith(Separator, StringComparison.OrdinalIgnoreCase) ? sep[^1] : null;
        string? header = said is null ? first : Next(lines, ref number, problems);
        if (header is null || Header(header, number, said, file, problems) is not (char delimiter, string[] names))
        {
            yield break;
        }

        FieldSplitter splitter = new(delimiter);
        int start = 0;
        while (Next(lines, ref number, problems) is string line)
        {
            if (start == 0 && line.AsSpan().TrimEnd('\r').Length == 0)
            {
                continue;
            }

            start = start == 0 ? number : start;
            (bool isWhole, DatasetRow? row) = Row(splitter, line, start, names, file, problems);
            if (isWhole)
            {
                start = 0;
                yield return row;
            }
        }

        if (start > 0)
        {
            problems.Add(start, "a quote is opened and never closed");
        }
    }

    private static (bool IsWhole, DatasetRow? Row) Row(FieldSplitter splitter, string line, int start, string[] names, DatasetFile file, RowProblems problems)
    {
        try
        {
            return splitter.Add(line) switch
            {
                null => (false, null),
                string[] fields when fields.Length != names.Length => throw new FormatException($"it has {fields.Length} fields where the header has {names.Length}"),
                string[] fields => (true, RowReading.Read(start, [.. names.Zip(fields, (name, value) => new RowField(name, value))], file)),
            };
        }
        catch (FormatException exception)
        {
            problems.Add(start, exception.Message);
            return (true, null);
        }
    }

    /// <summary>The next line without its LF; null at the end, or where it is too long or not UTF-8, which is noted.</summary>
    private static string? Next(LineReader lines, ref int number, RowProblems problems)
    {
        if (!lines.TryRead(out ReadOnlyMemory<byte> line))
        {
            if (!lines.IsAtEnd)
            {
                problems.Add(number + 1, $"it has more than {LineReader.LongestLine} bytes; what follows is not read");
            }

            return null;
        }

        number++;
        if (Utf8.IsValid(line.Span))
        {
            return Encoding.UTF8.GetString(line.Span);
        }

        problems.Add(number, "it is not UTF-8; what follows is not read");
        return null;
    }

    /// <summary>The delimiter and the names of the columns; null where there is no such header, which is noted.</summary>
    private static (char Delimiter, string[] Names)? Header(string line, int number, char? said, DatasetFile file, RowProblems problems)
    {
        char usual = DatasetForm.Extension(file.Path) == ".TSV" ? '\t' : ',';
        (char Delimiter, string[] Names, int Known)[] readings =
            [.. (said is char only ? [only] : new[] { usual, ',', ';', '\t', '|' }.Distinct()).Select(delimiter => Split(line, delimiter, file.Rules))];
        int most = readings.Max(reading => reading.Known);
        (char found, string[] names, _) = readings.First(reading => reading.Known == most);
        if (most == 0)
        {
            problems.Add(number, $"no column is known ({string.Join(", ", names.Select(RowReading.Quoted).Take(5))}); the first line has to be a header: add one, or rename its columns");
            return null;
        }

        if (RowReading.Doubled(names) is string doubled)
        {
            problems.Add(number, doubled);
            return null;
        }

        // A name that all of them find is the only column.
        if (readings.Where(reading => reading.Known == most).Select(reading => reading.Names.Length).Where(count => count > 1).Skip(1).Any())
        {
            problems.Add(number, "the header has known columns by several delimiters; say which it is by a first line such as sep=;");
            return null;
        }

        if (said is null && found != usual && names.Length > 1)
        {
            file.Note($"has {(found == '\t' ? "tabs" : found)} between its columns");
        }

        return (found, names);
    }

    private static (char Delimiter, string[] Names, int Known) Split(string line, char delimiter, RowRules rules)
    {
        try
        {
            string[] names = [.. (new FieldSplitter(delimiter).Add(line) ?? []).Select(name => name.Trim())];
            return (delimiter, names, names.Count(rules.IsKnown));
        }
        catch (FormatException)
        {
            // Quotes that another delimiter follows.
            return (delimiter, [], 0);
        }
    }
}
