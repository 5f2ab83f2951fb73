using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace Lora.Data;

/// <summary>Reads Parquet, one row group after another, each row as the JSON object that it would be in JSON Lines. Rows are counted, for there are no lines.</summary>
internal static class ParquetRows
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>The rows; null for one that is bad, whose problem is noted.</summary>
    public static IEnumerable<DatasetRow?> Read(DatasetFile file, RowProblems problems, CancellationToken cancellation)
    {
        file.Unit = "row";
        using ParquetFile parquet = ParquetFile.Open(file.Path);
        ArrayBufferWriter<byte> json = new();
        using Utf8JsonWriter writer = new(json, Options);
        int number = 0;
        for (int at = 0; at < parquet.GroupCount; at++)
        {
            ParquetRowGroup group = parquet.Read(at, cancellation);
            while (group.TryWriteNext(writer))
            {
                number++;
                if (Utf8.IsValid(json.WrittenSpan))
                {
                    yield return JsonRow.Read(number, json.WrittenMemory, file, problems);
                }
                else
                {
                    problems.Add(number, "a text of it is not UTF-8");
                }

                json.ResetWrittenCount();
                writer.Reset();
            }
        }
    }
}
