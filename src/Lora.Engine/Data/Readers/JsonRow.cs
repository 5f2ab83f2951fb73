using System.Text.Json;
using System.Text.Unicode;

namespace Lora.Data;

/// <summary>Reads one row that is a JSON object.</summary>
internal static class JsonRow
{
    /// <summary>System.Text.Json reads without recursion; a row's other keys may hold what they like.</summary>
    public const int MaxDepth = 10_000;

    private static readonly JsonDocumentOptions Options = new() { MaxDepth = MaxDepth };

    /// <summary>The row; null where it is bad, and its problem is noted.</summary>
    public static DatasetRow? Read(int number, ReadOnlyMemory<byte> json, DatasetFile file, RowProblems problems)
    {
        try
        {
            if (!Utf8.IsValid(json.Span))
            {
                throw new FormatException(TextEncodings.NotUtf8);
            }

            using JsonDocument document = JsonDocument.Parse(json, Options);
            JsonElement row = document.RootElement;
            return row.ValueKind == JsonValueKind.Object
                ? RowReading.Read(number, [.. row.EnumerateObject().Select(field => new RowField(field.Name, field.Value))], file)
                : throw new FormatException("it is not a JSON object");
        }
        catch (JsonException exception)
        {
            // The message ends with the place, which differs from row to row.
            string cause = exception.Message.Split(" LineNumber:")[0].TrimEnd('.');
            problems.Add(number, json.Span.EndsWith("},"u8)
                ? "a comma follows the object; it is a JSON array without its brackets: take the commas out"
                : $"it is not JSON ({cause})");
        }
        catch (InvalidOperationException)
        {
            problems.Add(number, "a string holds half of a surrogate pair");
        }
        catch (FormatException exception)
        {
            problems.Add(number, exception.Message);
        }

        return null;
    }
}
