using Parquet;
using Parquet.Meta;
using Parquet.Schema;

namespace Lora.Data;

/// <summary>A Parquet file, of which one row group is read at a time. What is damaged is named by its row group and column.</summary>
internal sealed class ParquetFile : IDisposable
{
    private const long MostValues = 1 << 26; // of a row group: its levels and places take 1.6 GB

    private readonly string path;
    private readonly ParquetStream stream;
    private readonly ParquetReader reader;
    private readonly ParquetSchema schema;
    private readonly HashSet<SchemaElement> texts = [];
    private readonly long end;

    private ParquetFile(string path, ParquetStream stream)
    {
        this.path = path;
        this.stream = stream;
        (end, IReadOnlyList<(int, int)> columns) = ParquetFooter.Check(stream);
        reader = ParquetReader.CreateAsync(stream).GetAwaiter().GetResult();
        FileMetaData meta = reader.Metadata!;
        foreach (SchemaElement element in meta.Schema.Where(element => element.Type == Parquet.Meta.Type.BYTE_ARRAY && element.ConvertedType != ConvertedType.DECIMAL))
        {
            // Parquet.Net makes strings of what is said to be text, whether it is UTF-8 or not; as bytes it stays what it is.
            bool isText = element.ConvertedType is ConvertedType.UTF8 or ConvertedType.JSON or ConvertedType.ENUM || element.LogicalType is { STRING: not null } or { JSON: not null } or { ENUM: not null };
            (element.ConvertedType, element.LogicalType) = (null, null);
            if (isText)
            {
                texts.Add(element);
            }
        }

        schema = reader.Schema;
        if (!columns.SequenceEqual(schema.DataFields.Select(field => (field.MaxDefinitionLevel, field.MaxRepetitionLevel))))
        {
            throw new NotSupportedException("its lists are in an old form; write it anew");
        }
    }

    /// <summary>The number of row groups.</summary>
    public int GroupCount => reader.RowGroupCount;

    /// <summary>Opens a file.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.DatasetForm"/> where it is damaged or of a kind that is not read.</exception>
    public static ParquetFile Open(string path)
    {
        ParquetStream stream = Guarded(path, "", () => new ParquetStream(path));
        try
        {
            return Guarded(path, "", () => new ParquetFile(path, stream));
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Reads a row group.</summary>
    /// <param name="index">Its place, from 0.</param>
    /// <param name="cancellation">Checked at each page.</param>
    /// <exception cref="LoraException"><see cref="LoraError.DatasetForm"/>.</exception>
    public ParquetRowGroup Read(int index, CancellationToken cancellation)
    {
        ParquetRowGroupReader group = reader.OpenRowGroupReader(index);
        string where = $" in row group {index + 1} of {GroupCount}";
        long values = group.RowGroup.Columns.Sum(column => Math.Clamp(column.MetaData?.NumValues ?? 0, 0, int.MaxValue));
        if (values > MostValues)
        {
            throw Refused(path, where, new InvalidDataException($"it has {values} values; write it with smaller row groups"));
        }

        ParquetNode[] columns = [.. schema.Fields.Select(field => Guarded(path, where, () => ParquetNode.Of(field, leaf => ReadColumn(group, leaf, cancellation))))];
        return new(columns, group.RowCount, exception => Refused(path, where, exception));
    }

    public void Dispose() => stream.Dispose();

    private ParquetColumn ReadColumn(ParquetRowGroupReader group, DataField field, CancellationToken cancellation)
    {
        try
        {
            ColumnMetaData column = group.GetMetadata(field)?.MetaData ?? throw new InvalidDataException("it is missing");
            column.Statistics = null;
            stream.End = ParquetPages.Check(stream, end, column, isNested: field.MaxRepetitionLevel > 0);
            return ParquetColumn.Read(group, field, (int)column.NumValues, texts.Contains(field.SchemaElement!), cancellation);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            throw new InvalidDataException($"column \"{field.Path}\": {exception.Message.TrimEnd('.')}", exception);
        }
    }

    private static T Guarded<T>(string path, string where, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception exception) when (exception is not (LoraException or OperationCanceledException))
        {
            throw Refused(path, where, exception);
        }
    }

    private static LoraException Refused(string path, string where, Exception exception) => LoraException.From(
        exception, LoraError.DatasetForm, path, path, $"a Parquet file that is damaged or of a kind that is not read{where} ({exception.Message.TrimEnd('.')})");
}
