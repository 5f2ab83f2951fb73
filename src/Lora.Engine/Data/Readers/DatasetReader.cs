namespace Lora.Data;

/// <summary>Reads the rows of a file, whatever its form: JSON Lines, a JSON array, CSV or TSV, Parquet, a text document; packed by gzip or Zstandard or not, in UTF-8 or UTF-16.</summary>
public static class DatasetReader
{
    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>The rows of a file, each read when it is asked for. After a bad row no more are given, and the rest is checked.</summary>
    /// <param name="file">A regular file, or a link to one; what is to be said of it is noted there.</param>
    /// <param name="cancellation">Checked at each row.</param>
    /// <exception cref="LoraException"><see cref="LoraError.PathNotFound"/>, <see cref="LoraError.FileUnreadable"/>, <see cref="LoraError.DatasetForm"/>,
    /// <see cref="LoraError.DatasetEmpty"/>; at the end <see cref="LoraError.RowInvalid"/> for each of the first 20 causes.</exception>
    public static IEnumerable<DatasetRow> Read(DatasetFile file, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        return ReadPlaced(file, cancellation).Select(entry => entry.Row);
    }

    /// <summary>The rows of a file as <see cref="Read"/> gives them, with their places where they can be read again there: in plain JSON Lines.</summary>
    internal static IEnumerable<(DatasetRow Row, RowPlace? Place)> ReadPlaced(DatasetFile file, CancellationToken cancellation)
    {
        RowProblems problems = new(file);
        foreach (ReadRow read in ReadEach(file, cancellation))
        {
            if (read.Problem is string problem)
            {
                problems.Add(read.Line, problem);
            }
            else if (!problems.Any)
            {
                yield return (read.Row!, read.Place);
            }
        }

        problems.ThrowIfAny();
    }

    /// <summary>The rows of a file, the bad ones among them in their places.</summary>
    internal static IEnumerable<ReadRow> ReadEach(DatasetFile file, CancellationToken cancellation)
    {
        using Stream stream = file.Given?.Open() ?? FileContent.Open(file);
        LineReader lines = new(stream);
        Queue<ReadRow> bad = new();
        RowProblems problems = new(file) { Added = (line, cause) => bad.Enqueue(new(line, null, null, cause)) };
        bool any = false;
        IEnumerable<DatasetRow?> rows = Open(file, lines, problems, out FileForm form, cancellation);
        file.IsReadInPlace = form == FileForm.JsonLines && stream is FileContent { IsPlain: true };
        foreach (DatasetRow? row in rows)
        {
            cancellation.ThrowIfCancellationRequested();
            // A reader notes bad rows before it gives the good one that stands behind them.
            while (bad.TryDequeue(out ReadRow? before))
            {
                yield return before;
            }

            if (row is not null)
            {
                any = true;
                yield return new(row.Line, row, file.IsReadInPlace ? lines.Line : null, null);
            }
        }

        // A reader that cannot go on says why and gives no row for it.
        while (bad.TryDequeue(out ReadRow? last))
        {
            yield return last;
        }

        if (!any && !problems.Any)
        {
            throw LoraException.Of(LoraError.DatasetEmpty, file.Path, file.Path);
        }
    }

    private static IEnumerable<DatasetRow?> Open(DatasetFile file, LineReader lines, RowProblems problems, out FileForm form, CancellationToken cancellation)
    {
        if (file.Given is not null)
        {
            file.Unit = "row";
            form = FileForm.JsonLines;
            return JsonLinesReader.Read(lines, file, problems);
        }

        lines.ReadAhead();
        if (lines.Ahead.Span.StartsWith(ByteOrderMark))
        {
            lines.Skip(ByteOrderMark.Length);
        }

        // Whether objects have a line each is told by the first line and what follows it.
        if (lines.Ahead.Span.TrimStart(" \t\r\n"u8).StartsWith("{"u8))
        {
            lines.ReadLineAhead();
        }

        form = DatasetForm.Of(file, lines.Ahead.Span);
        return form switch
        {
            FileForm.JsonObjects => JsonObjectReader.Read(lines, file, problems),
            FileForm.JsonArray => JsonArrayReader.Read(lines, file, problems),
            FileForm.Delimited => DelimitedReader.Read(lines, file, problems),
            FileForm.Parquet => ParquetRows.Read(file, problems, cancellation),
            FileForm.Document => DocumentReader.Read(lines, file, problems),
            _ => JsonLinesReader.Read(lines, file, problems),
        };
    }
}

/// <summary>What stands at a place of a file: a row, or what is wrong with it.</summary>
/// <param name="Line">The place, from 1.</param>
/// <param name="Row">The row; null where it is bad.</param>
/// <param name="Place">Where it can be read again; null where it cannot.</param>
/// <param name="Problem">What is wrong; null where it is a row.</param>
internal sealed record ReadRow(int Line, DatasetRow? Row, RowPlace? Place, string? Problem);
