using System.Text.Json;

namespace Lora.Data;

/// <summary>Reads a JSON array of objects, one at a time: the file may be longer than the memory. Rows are counted, for lines mean nothing there.</summary>
internal static class JsonArrayReader
{
    private const byte End = (byte)']';

    /// <summary>The rows; null for one that is bad, whose problem is noted.</summary>
    public static IEnumerable<DatasetRow?> Read(LineReader bytes, DatasetFile file, RowProblems problems)
    {
        file.Unit = "row";
        Next(bytes);
        bytes.Skip(1);
        int number = 1;
        for (byte? next = Next(bytes); next != End; next = Next(bytes), number++)
        {
            if (number > 1 && next != (byte)',')
            {
                problems.Add(number, "the JSON array ends, or something stands, where a comma or its closing bracket belongs");
                yield break;
            }

            bytes.Skip(number > 1 ? 1 : 0);
            Next(bytes);
            if (Measure(bytes) is not int length)
            {
                problems.Add(number, "it is not JSON, or is cut off; what follows is not read");
                yield break;
            }

            ReadOnlyMemory<byte> row = bytes.Ahead[..length];
            yield return JsonRow.Read(number, row, file, problems);
            bytes.Skip(length);
        }

        bytes.Skip(1);
        if (Next(bytes) is not null)
        {
            problems.Add(number, "something follows the end of the JSON array");
        }
    }

    /// <summary>The next byte that is not white space, which stays ahead; null at the end.</summary>
    private static byte? Next(LineReader bytes)
    {
        while (true)
        {
            bytes.Skip(bytes.Ahead.Length - bytes.Ahead.TrimStart(" \t\r\n"u8).Length);
            if (bytes.Ahead.Length > 0)
            {
                return bytes.Ahead.Span[0];
            }

            if (!bytes.ReadOn())
            {
                return null;
            }
        }
    }

    /// <summary>The bytes of the value that is ahead, of which as much is read as it takes; null where it is no JSON, cut off or too long.</summary>
    private static int? Measure(LineReader bytes)
    {
        do
        {
            try
            {
                Utf8JsonReader reader = new(bytes.Ahead.Span, isFinalBlock: false, new(new() { MaxDepth = JsonRow.MaxDepth }));
                if (reader.Read() && reader.TrySkip())
                {
                    return (int)reader.BytesConsumed;
                }
            }
            catch (JsonException)
            {
                return null;
            }
        }
        while (bytes.Ahead.Length <= LineReader.LongestLine && bytes.ReadOn());
        return null;
    }
}
