using System.Text.Json;

namespace Lora.Data;

/// <summary>The rows of one row group, which are given one after another.</summary>
/// <param name="columns">The row's parts.</param>
/// <param name="count">The rows that there are said to be.</param>
/// <param name="refused">Makes the error of a group that is not whole.</param>
internal sealed class ParquetRowGroup(ParquetNode[] columns, long count, Func<Exception, LoraException> refused)
{
    private readonly ParquetColumn[] leaves = [.. columns.SelectMany(column => column.Columns)];
    private long given;

    /// <summary>Writes the next row as a JSON object, without what is null; false where there is none.</summary>
    /// <exception cref="LoraException"><see cref="LoraError.DatasetForm"/> where the columns do not have the rows that they should.</exception>
    public bool TryWriteNext(Utf8JsonWriter writer)
    {
        if (given++ >= count)
        {
            return leaves.All(column => column.IsAtEnd) ? false : throw refused(new InvalidDataException("its columns have more rows than it"));
        }

        try
        {
            ParquetNode.WriteObject(columns, writer);
            writer.Flush();
        }
        catch (Exception exception) when (exception is InvalidDataException or InvalidOperationException or ArgumentException)
        {
            throw refused(exception);
        }

        return leaves.All(column => column.IsBetweenRows) ? true : throw refused(new InvalidDataException("its columns do not have the same rows"));
    }
}
