using Sylvan.Data.Csv;

namespace Lora.Data;

/// <summary>
/// Reads CSV and TSV as spreadsheets write them (RFC 4180): a header, the delimiter found by it or said by a first line <c>sep=;</c>. Nothing is
/// trimmed, no word is null, and no line is a comment. A row's line is that on which it begins.
/// </summary>
internal static class DelimitedReader
{
    private const string Separator = "sep=";
    private const int Buffer = 1 << 16;
    private const int LongestRow = 1 << 28;
    private const char NoComment = '\uFFFF'; // is no character of any text

    /// <summary>The rows; null for one that is bad, whose problem is noted.</summary>
    public static IEnumerable<DatasetRow?> Read(LineReader lines, DatasetFile file, RowProblems problems)
    {
        using DelimitedText text = new(lines);
        if (Begin(text, file, problems) is not (char delimiter, string[] names))
        {
            yield break;
        }

        int line = text.Line + 1;
        using CsvDataReader? csv = Noted(line, text, problems, () => CsvDataReader.Create(text, Options(delimiter)));
        while (csv is not null && Noted(line, text, problems, csv.Read))
        {
            ReadOnlySpan<char> record = csv.GetRawRecordSpan();
            int start = line;
            // A field in quotes may have line ends of its own.
            line += record.Count('\n');
            if (record.TrimEnd("\r\n").Length > 0)
            {
                yield return Row(csv, start, names, file, problems);
            }
        }
    }

    private static DatasetRow? Row(CsvDataReader csv, int line, string[] names, DatasetFile file, RowProblems problems)
    {
        if (csv.RowFieldCount != names.Length)
        {
            problems.Add(line, $"it has {csv.RowFieldCount} fields where the header has {names.Length}");
            return null;
        }

        try
        {
            return RowReading.Read(line, [.. names.Select((name, column) => new RowField(name, csv.GetString(column)))], file);
        }
        catch (FormatException exception)
        {
            problems.Add(line, exception.Message);
            return null;
        }
    }

    /// <summary>What a step of reading gives; nothing where it fails, which is noted and ends the reading.</summary>
    private static T? Noted<T>(int line, DelimitedText text, RowProblems problems, Func<T> step)
    {
        try
        {
            return step();
        }
        catch (CsvRecordTooLargeException)
        {
            problems.Add(line, $"it has more than {LongestRow} characters; most often a quote is opened and never closed");
        }
        catch (CsvFormatException)
        {
            problems.Add(line, "a quote is opened and never closed, or something follows the quote that closes a field; what follows is not read");
        }
        catch (InvalidDataException exception)
        {
            problems.Add(text.Line, $"{exception.Message}; what follows is not read");
        }

        return default;
    }

    private static CsvDataReaderOptions Options(char delimiter) =>
        new() { HasHeaders = false, Delimiter = delimiter, Comment = NoComment, BufferSize = Buffer, MaxBufferSize = LongestRow };

    /// <summary>The delimiter and the names of the columns; null where there is no such header, which is noted.</summary>
    private static (char Delimiter, string[] Names)? Begin(DelimitedText text, DatasetFile file, RowProblems problems)
    {
        string? first = Noted(text.Line, text, problems, text.ReadLine)?.TrimEnd('\r', '\n');
        char? said = first is { Length: 5 } && first.StartsWith(Separator, StringComparison.OrdinalIgnoreCase) ? first[^1] : null;
        string? header = said is null ? first : Noted(text.Line, text, problems, text.ReadLine)?.TrimEnd('\r', '\n');
        return header is null ? null : Header(header, text.Line, said, file, problems);
    }

    private static (char Delimiter, string[] Names)? Header(string line, int number, char? said, DatasetFile file, RowProblems problems)
    {
        char usual = DatasetForm.Extension(file.Path) == ".TSV" ? '\t' : ',';
        (char Delimiter, string[] Names, int Known)[] readings =
            [.. (said is char only ? [only] : new[] { usual, ',', ';', '\t', '|' }.Distinct()).Select(delimiter => Split(line, delimiter, file.Rules))];
        // The usual delimiter is the first, and so the one that counts where others find as many columns.
        int most = readings.Max(reading => reading.Known);
        (char found, string[] names, _) = readings.First(reading => reading.Known == most);
        if (most == 0 && said is char separator && names.Length == 0)
        {
            problems.Add(number, $"the line {Separator} names {RowReading.Quoted($"{separator}")}, by which the header cannot be split");
            return null;
        }

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
            using CsvDataReader csv = CsvDataReader.Create(new StringReader(line), Options(delimiter));
            string[] names = csv.Read() ? [.. Enumerable.Range(0, csv.RowFieldCount).Select(column => csv.GetString(column).Trim())] : [];
            return (delimiter, names, names.Count(rules.IsKnown));
        }
        catch (Exception exception) when (exception is CsvFormatException or CsvConfigurationException)
        {
            // Quotes that another delimiter follows, or a line sep= with a letter or a quote.
            return (delimiter, [], 0);
        }
    }
}
