using System.Text.Json;

namespace Lora.Data;

/// <summary>Reads a row by its own columns: a text, a prompt with its completion, a conversation, or a question with choices. What it does not use is noted, what it cannot learn from rightly is refused.</summary>
internal static class RowReading
{
    private const int LongestName = 40;

    // Raw text has no place for these: beside a prompt and its completion they make a conversation of it.
    private static readonly ColumnMeaning[] OfChats = [ColumnMeaning.System, ColumnMeaning.History, ColumnMeaning.Tools, ColumnMeaning.Context, ColumnMeaning.Reasoning];

    /// <summary>The row.</summary>
    /// <param name="line">Where it begins.</param>
    /// <param name="fields">Its columns; null counts as missing.</param>
    /// <param name="file">Says how rows are read, and notes the columns that are not used.</param>
    /// <exception cref="FormatException">Why it is not such a row.</exception>
    public static DatasetRow Read(int line, RowField[] fields, DatasetFile file)
    {
        try
        {
            RowCells cells = file.Cells(fields);
            // Where rows are classified a label is what is learned, and no sign of a preference.
            if (!file.Rules.Task.IsClassification)
            {
                OtherRow.Refuse(cells, file.Rules.Format);
            }

            DatasetRow row = file.Rules.Kind switch
            {
                DatasetFormat.Choice => ChoiceReading.Read(line, cells, file),
                DatasetFormat.Label or DatasetFormat.Score => LabelReading.Text(line, cells),
                DatasetFormat.Tag => LabelReading.Words(line, cells),
                DatasetFormat.Text => Text(line, cells, file) ?? throw new FormatException(OtherRow.NoText(cells)),
                DatasetFormat.Completion => QuestionReading.Completion(line, cells),
                DatasetFormat.Chat => Chat(line, cells, file) ?? QuestionReading.Chat(line, cells, file),
                DatasetFormat.Alpaca => QuestionReading.Alpaca(line, cells),
                _ => Recognised(line, cells, file),
            };
            file.MustBe(file.Rules.Kind ?? Format(row), line);
            cells.NoteUnused(file);
            return row;
        }
        catch (InvalidOperationException)
        {
            throw new FormatException("a string holds half of a surrogate pair");
        }
    }

    /// <summary>That a name stands twice, letter case aside; null where none does. Columns without a name are nobody's.</summary>
    public static string? Doubled(IEnumerable<string> names) => names.Where(name => name.Length > 0)
        .GroupBy(name => name, StringComparer.OrdinalIgnoreCase).Where(group => group.Skip(1).Any())
        .Select(group => $"it has {Quoted(group.Key)} more than once").FirstOrDefault();

    /// <summary>A name as messages show it.</summary>
    public static string Quoted(string name) => $"\"{Shown(name)}\"";

    /// <summary>A name as far as messages show it.</summary>
    public static string Shown(string name) => name.Length > LongestName ? name[..LongestName] + "..." : name;

    /// <summary>The JSON of a text, which has no key twice.</summary>
    /// <exception cref="FormatException">It is not JSON.</exception>
    public static JsonElement Parse(string json, string name)
    {
        try
        {
            return JsonElement.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException)
        {
            string python = json.Contains('\'', StringComparison.Ordinal) ? ", and neither is a list as Python prints it: write it with json.dumps" : "";
            throw new FormatException($"{Quoted(name)} is not JSON, or stands more than 64 deep in itself{python}");
        }
        catch (ArgumentException)
        {
            throw new FormatException("a string holds half of a surrogate pair"); // in a field of UTF-16
        }
    }

    private static DatasetFormat Format(DatasetRow row) => row switch
    {
        TextRow => DatasetFormat.Text,
        CompletionRow => DatasetFormat.Completion,
        ChoiceRow => DatasetFormat.Choice,
        _ => DatasetFormat.Chat,
    };

    /// <summary>The first kind that the columns fit.</summary>
    private static DatasetRow Recognised(int line, RowCells cells, DatasetFile file)
    {
        if (Chat(line, cells, file) is ChatRow chat)
        {
            return chat;
        }

        if (ChoiceReading.Fits(cells))
        {
            return ChoiceReading.Read(line, cells, file);
        }

        RowCell? asked = cells.Peek(ColumnMeaning.Asked) ?? cells.Peek(ColumnMeaning.Input), answer = cells.Peek(ColumnMeaning.Answer);
        bool isPrompt = asked?.Key == RowColumns.Prompt, isCompletion = answer?.Key == RowColumns.Completion;
        bool isText = cells.Peek("text") is not null;
        if (isText && (asked is null || answer is null ? isPrompt || isCompletion : isPrompt && isCompletion))
        {
            throw new FormatException("it has \"text\" beside \"prompt\" or \"completion\": say by -DatasetFormat which is learned, Text or Completion");
        }

        if (asked is null || answer is null)
        {
            bool isElse = asked is not null || answer is not null;
            return (isElse && !isText ? null : Text(line, cells, file)) ?? throw new FormatException(OtherRow.Unknown(cells));
        }

        if (!isPrompt || !isCompletion || !asked.Value.Field.IsText || !answer.Value.Field.IsText)
        {
            return QuestionReading.Chat(line, cells, file);
        }

        string[] besides = [.. OfChats.Select(meaning => cells.Peek(meaning)?.Field.Name).OfType<string>().Select(Quoted)];
        if (besides.Length == 0)
        {
            return QuestionReading.Completion(line, cells);
        }

        file.Note($"has {string.Join(", ", besides)} beside \"prompt\" and \"completion\", which are therefore read as messages");
        return QuestionReading.Chat(line, cells, file);
    }

    private static ChatRow? Chat(int line, RowCells cells, DatasetFile file)
    {
        if (cells.TakeMessages(file) is not RowField messages)
        {
            return null;
        }

        if (cells.Peek(ColumnMeaning.Text) is RowCell text)
        {
            file.Note($"has {Quoted(text.Field.Name)} beside {Quoted(messages.Name)}, which alone is learned");
        }

        return ChatReading.Read(line, MessageReading.Read(messages.List("messages"), messages.Name, file), cells, file);
    }

    private static TextRow? Text(int line, RowCells cells, DatasetFile file)
    {
        if ((cells.Take("text") ?? cells.Take("content")) is not RowCell text)
        {
            return null;
        }

        if (text.Key == "content")
        {
            file.Note($"has no column \"text\"; its column {Quoted(text.Field.Name)} is read as the text");
        }

        return new(line, text.Field.Text);
    }
}
