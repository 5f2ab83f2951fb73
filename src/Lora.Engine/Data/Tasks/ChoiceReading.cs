using System.Globalization;
using System.Text.Json;

namespace Lora.Data;

/// <summary>Reads rows of a question with several choices, of which one is right.</summary>
internal static class ChoiceReading
{
    private const int Fewest = 2;
    private const string Texts = "text";
    private const string Letters = "label";

    // ARC has answerKey, HellaSwag label; the right choice may be told by its place from 0, its letter or its text.
    private static readonly string[] Answers = ["answerKey", "label"];

    /// <summary>Whether the columns are those of such a row: there is a list of choices.</summary>
    public static bool Fits(RowCells cells) => cells.Peek(ColumnMeaning.Choices) is RowCell { Field: RowField field } && (field.IsList || Parts(field) is not null);

    /// <summary>The row.</summary>
    /// <exception cref="FormatException">It has no question, no two choices, or an answer that is none of them.</exception>
    public static ChoiceRow Read(int line, RowCells cells, DatasetFile file)
    {
        RowField choices = (cells.Take(ColumnMeaning.Choices)
            ?? throw new FormatException("it has no \"choices\"; name the column, as in -Column @{ choices = '...' }")).Field;
        (string[] texts, string[] letters) = Choices(choices);
        RowField? context = cells.Take(ColumnMeaning.Context)?.Field;
        if (context is RowField { IsEmpty: false } before)
        {
            file.Note($"has {RowReading.Quoted(before.Name)}, which stands before what is asked, with a blank line between them");
        }

        string? question = cells.Take(ColumnMeaning.Asked)?.Field.Text;
        string asked = string.Join("\n\n", new[] { context?.Text, question }.Where(text => !string.IsNullOrWhiteSpace(text)));
        if (asked.Length == 0)
        {
            throw new FormatException("it has \"choices\" without a \"question\"");
        }

        RowField answer = (cells.Take(ColumnMeaning.Answer) ?? Answers.Select(cells.Take).FirstOrDefault(cell => cell is not null)
            ?? throw new FormatException("it has \"choices\" without an \"answer\", which says which of them is right")).Field;
        return new(line, asked, texts, Right(answer, texts, letters));
    }

    private static (string[] Texts, string[] Letters) Choices(RowField field)
    {
        (string[] texts, string[] letters) = Parts(field) ?? (Strings(field.List("choices"), field.Name), []);
        return texts.Length < Fewest ? throw new FormatException($"{RowReading.Quoted(field.Name)} has {texts.Length} choices where two or more are expected")
            : texts.Any(string.IsNullOrWhiteSpace) ? throw new FormatException($"{RowReading.Quoted(field.Name)} has an empty choice")
            : letters.Length > 0 && letters.Length != texts.Length ? throw new FormatException($"{RowReading.Quoted(field.Name)} has {texts.Length} texts and {letters.Length} labels")
            : (texts, letters);
    }

    /// <summary>Choices in the form of ARC, <c>{"text": [...], "label": ["A", ...]}</c>; null for any other.</summary>
    private static (string[] Texts, string[] Letters)? Parts(RowField field)
    {
        if (field.IsList || field.IsNull || (field.IsText && !field.Text.StartsWith('{')))
        {
            return null;
        }

        JsonElement parts = field.Json;
        return parts.ValueKind != JsonValueKind.Object || !parts.TryGetProperty(Texts, out JsonElement texts) ? null
            : (Strings(texts, field.Name), parts.TryGetProperty(Letters, out JsonElement letters) ? Strings(letters, field.Name) : []);
    }

    private static string[] Strings(JsonElement list, string name) => list.ValueKind != JsonValueKind.Array
        ? throw new FormatException($"{RowReading.Quoted(name)} is not a list of choices")
        : [.. list.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.String
            ? item.GetString()! : throw new FormatException($"{RowReading.Quoted(name)} has a choice that is not a string"))];

    /// <summary>The place of the right choice. A text that is one of the choices is that one, also where it is a number.</summary>
    private static int Right(RowField answer, string[] texts, string[] letters)
    {
        string said = answer.IsText ? answer.Text.Trim() : answer.Json.GetRawText();
        int place = answer.IsText ? Array.IndexOf(texts, answer.Text) : -1;
        // Before places: some questions of ARC call their choices 1 to 4, which as places would be one off.
        place = place < 0 ? Array.IndexOf(letters, said) : place;
        place = place < 0 && int.TryParse(said, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : place;
        place = place < 0 && letters.Length == 0 && said is [>= 'A' and <= 'Z' and char letter] ? letter - 'A' : place;
        return place >= 0 && place < texts.Length ? place : throw new FormatException(
            $"its {RowReading.Quoted(answer.Name)} {RowReading.Quoted(said)} is none of its {texts.Length} choices: it is the text of one, its letter, or its place from 0");
    }
}

/// <summary>A question with choices, of which a model is to hold the right one for the likeliest.</summary>
/// <param name="Line">Where the row stands in its file, from 1.</param>
/// <param name="Question">What is asked.</param>
/// <param name="Choices">At least two, none of them empty.</param>
/// <param name="Answer">The place of the right one, from 0.</param>
internal sealed record ChoiceRow(int Line, string Question, IReadOnlyList<string> Choices, int Answer) : DatasetRow(Line)
{
    /// <inheritdoc/>
    internal override string? Lack => null;
}
