namespace Lora.Data;

/// <summary>Reads a JSON array of objects, one at a time: the file may be longer than the memory. Rows are counted, for lines mean nothing there.</summary>
internal static class JsonArrayReader
{
    private const byte End = (byte)']';

    /// <summary>The rows; null for one that is bad, whose problem is noted.</summary>
    public static IEnumerable<DatasetRow?> Read(LineReader bytes, DatasetFile file, RowProblems problems)
    {
        file.Unit = "row";
        JsonValues.Next(bytes);
        bytes.Skip(1);
        int number = 1;
        for (byte? next = JsonValues.Next(bytes); next != End; next = JsonValues.Next(bytes), number++)
        {
            if (number > 1 && next != (byte)',')
            {
                problems.Add(number, "the JSON array ends, or something stands, where a comma or its closing bracket belongs");
                yield break;
            }

            bytes.Skip(number > 1 ? 1 : 0);
            JsonValues.Next(bytes);
            if (JsonValues.Measure(bytes) is not int length)
            {
                problems.Add(number, "it is not JSON, or is cut off; what follows is not read");
                yield break;
            }

            ReadOnlyMemory<byte> row = bytes.Ahead[..length];
            yield return JsonRow.Read(number, row, file, problems);
            bytes.Skip(length);
        }

        bytes.Skip(1);
        if (JsonValues.Next(bytes) is not null)
        {
            problems.Add(number, "something follows the end of the JSON array");
        }
    }
}
