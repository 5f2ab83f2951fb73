using System.Globalization;
using System.Text.Json;

namespace Lora.Data;

/// <summary>Reads rows that have labels: a text with its own, or words with one each.</summary>
internal static class LabelReading
{
    private static readonly string[] OfText = ["label", "labels"];
    private static readonly string[] OfWords = ["tags", "ner_tags", "pos_tags", "labels"];

    /// <summary>A text with its label, its labels or its number.</summary>
    /// <exception cref="FormatException">It has no text or no label, or a label is no name and no number.</exception>
    public static LabelledRow Text(int line, RowCells cells)
    {
        RowField text = (cells.Take("text") ?? cells.Take("content") ?? throw new FormatException(OtherRow.NoText(cells))).Field;
        RowField label = Find(cells, OfText)
            ?? throw new FormatException("it has no \"label\" and no \"labels\"; name the column that is learned, as in -Column @{ label = '...' }");
        // CSV holds lists as text. In the plural only: a single label may begin with a bracket itself.
        bool isList = label.IsList || (label.Name.Equals("labels", StringComparison.OrdinalIgnoreCase) && label.IsText && label.Text.StartsWith('['));
        return new(line, text.Text, isList ? List(label) : [Label(label)], isList);
    }

    /// <summary>Words with a tag each.</summary>
    /// <exception cref="FormatException">It has no words or no tags, or not as many of one as of the other.</exception>
    public static TaggedRow Words(int line, RowCells cells)
    {
        RowField tokens = (cells.Take("tokens") ?? cells.Take("words")
            ?? throw new FormatException("it has no \"tokens\"; name the column of words, as in -Column @{ tokens = '...' }")).Field;
        RowField tags = Find(cells, OfWords)
            ?? throw new FormatException("it has no \"tags\"; name the column that is learned, as in -Column @{ tags = '...' }");
        string[] words = [.. tokens.List("words").EnumerateArray().Select(word => word.ValueKind == JsonValueKind.String
            ? word.GetString()! : throw new FormatException($"{RowReading.Quoted(tokens.Name)} has a member that is not a string"))];
        RowLabel[] labels = List(tags);
        return words.Length == labels.Length ? new(line, words, labels)
            : throw new FormatException($"it has {words.Length} {RowReading.Quoted(tokens.Name)} and {labels.Length} {RowReading.Quoted(tags.Name)}");
    }

    private static RowField? Find(RowCells cells, string[] names) => names.Select(cells.Take).FirstOrDefault(cell => cell is not null)?.Field;

    private static RowLabel[] List(RowField field) => [.. field.List("labels").EnumerateArray().Select(item => Label(field.Name, item))];

    /// <summary>Of CSV's fields, which are all text, those are numbers that read as one.</summary>
    private static RowLabel Label(RowField field) => field.IsText
        ? new(field.Text, double.TryParse(field.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number))
        : field.Truth is bool truth ? new(truth ? "true" : "false", IsNumber: false)
        : Label(field.Name, field.Json);

    private static RowLabel Label(string name, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => new(value.GetString()!, IsNumber: false),
        JsonValueKind.Number => new(value.GetRawText(), IsNumber: true),
        JsonValueKind.True => new("true", IsNumber: false),
        JsonValueKind.False => new("false", IsNumber: false),
        _ => throw new FormatException($"{RowReading.Quoted(name)} has something that is neither a name nor a number"),
    };
}

/// <summary>A text with what it is.</summary>
/// <param name="Line">Where the row stands in its file, from 1.</param>
/// <param name="Text">The text as it stands.</param>
/// <param name="Labels">Its labels.</param>
/// <param name="IsList">Whether it may have any number of them.</param>
internal sealed record LabelledRow(int Line, string Text, IReadOnlyList<RowLabel> Labels, bool IsList) : DatasetRow(Line)
{
    /// <inheritdoc/>
    internal override string? Lack => Text.Length == 0 ? "with an empty text" : null;
}

/// <summary>Words with what each of them is.</summary>
/// <param name="Line">Where the row stands in its file, from 1.</param>
/// <param name="Words">The words.</param>
/// <param name="Tags">As many labels.</param>
internal sealed record TaggedRow(int Line, IReadOnlyList<string> Words, IReadOnlyList<RowLabel> Tags) : DatasetRow(Line)
{
    /// <inheritdoc/>
    internal override string? Lack => Words.Count == 0 ? "without words" : null;
}
