using System.Runtime.InteropServices;
using System.Text.Json;

namespace Lora.Data;

/// <summary>
/// Reads JSON objects of any number of lines: rows one after another, or a single object which is a row, or has the rows in the only list of
/// objects that it holds. Rows are counted, for lines mean nothing there.
/// </summary>
internal static class JsonObjectReader
{
    /// <summary>The rows; null for one that is bad, whose problem is noted.</summary>
    public static IEnumerable<DatasetRow?> Read(LineReader bytes, DatasetFile file, RowProblems problems)
    {
        file.Unit = "row";
        for (int number = 1; JsonValues.Next(bytes) is not null; number++)
        {
            if (JsonValues.Measure(bytes) is not int length)
            {
                problems.Add(number, "it is not JSON, or is cut off; what follows is not read");
                yield break;
            }

            if (number == 1 && IsAlone(bytes, length) && List(bytes.Ahead[..length], file) is JsonDocument whole)
            {
                using (whole)
                {
                    int row = 0;
                    foreach (JsonElement item in Lists(whole.RootElement).Single().Value.EnumerateArray())
                    {
                        yield return JsonRow.Read(++row, JsonMarshal.GetRawUtf8Value(item).ToArray(), file, problems);
                    }
                }

                yield break;
            }

            yield return JsonRow.Read(number, bytes.Ahead[..length], file, problems);
            bytes.Skip(length);
        }
    }

    /// <summary>Whether nothing follows the value that is ahead.</summary>
    private static bool IsAlone(LineReader bytes, int length)
    {
        while (bytes.Ahead.Span[length..].Trim(" \t\r\n"u8).Length == 0 && bytes.ReadOn())
        {
        }

        return bytes.Ahead.Span[length..].Trim(" \t\r\n"u8).Length == 0;
    }

    /// <summary>The object, where it is no row but holds a list of them, which is noted; else null.</summary>
    private static JsonDocument? List(ReadOnlyMemory<byte> json, DatasetFile file)
    {
        JsonDocument? whole = null;
        try
        {
            whole = JsonDocument.Parse(json, new() { MaxDepth = JsonRow.MaxDepth });
            JsonProperty[] lists = [.. Lists(whole.RootElement)];
            if (lists.Length == 1 && !whole.RootElement.EnumerateObject().Any(field => file.Rules.IsKnown(field.Name.Trim())) && !new RowField(lists[0].Name, lists[0].Value).IsMessages)
            {
                file.Note($"is one object, whose list {RowReading.Quoted(lists[0].Name)} has the rows");
                return whole;
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Read as a row, it says what is wrong.
        }

        whole?.Dispose();
        return null;
    }

    private static IEnumerable<JsonProperty> Lists(JsonElement element) => element.ValueKind == JsonValueKind.Object
        ? element.EnumerateObject().Where(field => field.Value.ValueKind == JsonValueKind.Array && field.Value.GetArrayLength() > 0 && field.Value[0].ValueKind == JsonValueKind.Object)
        : [];
}
