namespace Lora.Data;

/// <summary>Reads a row by its own columns: a text, or a prompt with its completion. What it does not use is noted, what it cannot learn from rightly is refused.</summary>
internal static class RowReading
{
    private const int LongestName = 40;

    /// <summary>The row.</summary>
    /// <param name="line">Where it begins.</param>
    /// <param name="fields">Its columns; null counts as missing.</param>
    /// <param name="file">Notes the columns that are not used.</param>
    /// <exception cref="FormatException">Why it is not such a row.</exception>
    public static DatasetRow Read(int line, RowField[] fields, DatasetFile file)
    {
        if (Doubled(fields.Select(field => field.Name)) is string doubled)
        {
            throw new FormatException(doubled);
        }

        RowField[] given = [.. fields.Where(field => !field.IsNull)];
        if (OtherRow.Describe(given) is string other)
        {
            throw new FormatException(other);
        }

        RowField? content = Find(given, "content");
        return (Find(given, "text"), Find(given, "prompt"), Find(given, "completion")) switch
        {
            (null, RowField prompt, RowField completion) => Used(new CompletionRow(line, prompt.Text, completion.Text), given, file, prompt, completion),
            (null, RowField, null) => throw new FormatException("it has a \"prompt\" without a \"completion\""),
            (null, null, RowField) => throw new FormatException("it has a \"completion\" without a \"prompt\""),
            (RowField text, null, null) => Used(new TextRow(line, text.Text), given, file, text),
            (null, null, null) when content is RowField text => AsText(line, text, given, file),
            (null, null, null) => throw new FormatException(OtherRow.Unknown(fields)),
            _ => throw new FormatException("it has \"text\" beside \"prompt\" or \"completion\""),
        };
    }

    /// <summary>That a name stands twice, letter case aside; null where none does. Columns without a name are nobody's.</summary>
    public static string? Doubled(IEnumerable<string> names) => names.Where(name => name.Length > 0)
        .GroupBy(name => name, StringComparer.OrdinalIgnoreCase).Where(group => group.Skip(1).Any())
        .Select(group => $"it has {Quoted(group.Key)} more than once").FirstOrDefault();

    /// <summary>A name as messages show it.</summary>
    public static string Quoted(string name) => $"\"{(name.Length > LongestName ? name[..LongestName] + "..." : name)}\"";

    private static DatasetRow AsText(int line, RowField content, RowField[] given, DatasetFile file)
    {
        DatasetRow row = Used(new TextRow(line, content.Text), given, file, content);
        file.Note($"has no column \"text\"; its column {Quoted(content.Name)} is read as the text");
        return row;
    }

    private static DatasetRow Used(DatasetRow row, RowField[] given, DatasetFile file, params RowField[] used)
    {
        foreach (RowField field in given.Where(field => !used.Any(other => other.Name == field.Name)))
        {
            file.Unused(field.Name);
        }

        return row;
    }

    private static RowField? Find(RowField[] fields, string name)
    {
        int at = Array.FindIndex(fields, field => field.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        return at < 0 ? null : fields[at];
    }
}
