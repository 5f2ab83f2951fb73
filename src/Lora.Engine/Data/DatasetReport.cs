using System.Globalization;

namespace Lora.Data;

/// <summary>Says what a dataset lost on its way into tokens, so that no row is cut or left out in silence.</summary>
internal static class DatasetReport
{
    private const int MostNamed = 10;

    private static readonly (RowNotes Note, string One, string Several)[] Befell =
    [
        (RowNotes.Cut, "has a prompt and a completion that one token would join; it is cut there, as the model meets it when it answers",
            "have a prompt and a completion that one token would join; they are cut there, as the model meets them when it answers"),
        (RowNotes.EmptyTurn, "has an empty message of the assistant, which is not learned", "have an empty message of the assistant, which is not learned"),
        (RowNotes.UnwrittenReasoning, "has reasoning that the chat template does not write", "have reasoning that the chat template does not write"),
        (RowNotes.UnwrittenMessage, "has a message that the chat template does not write", "have a message that the chat template does not write"),
        (RowNotes.SpelledToken, "has a message that spells a special token, which is read as characters; -AllowSpecialToken makes it a token",
            "have messages that spell special tokens, which are read as characters; -AllowSpecialToken makes them tokens"),
        (RowNotes.MeantToken, "spells a special token, which becomes one: a text, a prompt and a completion are taken as they stand",
            "spell special tokens, which become such: texts, prompts and completions are taken as they stand"),
        (RowNotes.LostWord, "has a word of which the tokenizer writes nothing; its tag is not learned", "have words of which the tokenizer writes nothing; their tags are not learned"),
    ];

    /// <summary>What is said of one row, as the end of a sentence that begins with it.</summary>
    public static IEnumerable<string> Of(RowNotes notes) => Befell.Where(note => notes.HasFlag(note.Note)).Select(note => note.One);

    /// <summary>One sentence for each thing that is to be said of files, and of their rows where all are encoded.</summary>
    public static IEnumerable<string> Warnings(Dataset dataset, DatasetOptions options) =>
        dataset.Files.SelectMany(file => dataset.IsEncoded ? [.. Notices(file), .. Rows(file, options)] : Notices(file));

    /// <summary>One sentence for each format that files are read in.</summary>
    public static IEnumerable<string> Formats(Dataset dataset) => dataset.Files.GroupBy(file => file.Format)
        .Select(files => $"Read as {Name(files.Key)}: {string.Join(", ", files.Take(MostNamed).Select(file => $"'{file.Path}'"))}{(files.Skip(MostNamed).Any() ? ", ..." : "")}");

    private static string Name(DatasetFormat? format) => format switch
    {
        DatasetFormat.Text => "texts",
        DatasetFormat.Completion => "prompts with their completions",
        DatasetFormat.Alpaca => "instructions in the prompt of Alpaca",
        DatasetFormat.Label => "texts with labels",
        DatasetFormat.Score => "texts with numbers",
        DatasetFormat.Tag => "words with tags",
        DatasetFormat.Choice => "questions with choices",
        _ => "chats",
    };

    /// <summary>One sentence for each thing that befell rows so far.</summary>
    public static IEnumerable<string> Rows(Dataset dataset, DatasetOptions options) => dataset.Files.SelectMany(file => Rows(file, options));

    /// <summary>One sentence for each thing that is to be said of a file.</summary>
    public static IEnumerable<string> Notices(DatasetFile file)
    {
        foreach (string notice in file.Notices)
        {
            yield return $"'{file.Path}' {notice}.";
        }

        if (file.UnusedColumns.Count > 0)
        {
            string names = string.Join(", ", file.UnusedColumns.Take(MostNamed).Select(RowReading.Quoted)) + (file.UnusedColumns.Count > MostNamed ? ", ..." : "");
            yield return $"'{file.Path}' has columns that are not used: {names}.";
        }
    }

    private static IEnumerable<string> Rows(DatasetFile file, DatasetOptions options)
    {
        string cut = file.Format == DatasetFormat.Choice ? "beginning" : "end"; // the choices stay
        (IEnumerable<int> Lines, string One, string Several)[] reports =
        [
            (file.TruncatedRows.Select(row => row.Line), $"was longer than {options.MaxLength} tokens and cut at its {cut}", $"were longer than {options.MaxLength} tokens and cut at their {cut}"),
            .. file.LeftOut.GroupBy(row => row.Reason, row => row.Line).OrderBy(group => group.Key, StringComparer.Ordinal)
                .Select(group => ((IEnumerable<int>)group, $"was left out, {group.Key}", $"were left out, {group.Key}")),
            (file.OverlongRows, $"has more than the {options.Positions} tokens that the model was made for", $"have more than the {options.Positions} tokens that the model was made for"),
            .. Befell.Select(note => ((IEnumerable<int>)file.Noted[note.Note], note.One, note.Several)),
        ];
        foreach ((IEnumerable<int> lines, string one, string several) in reports)
        {
            LineList list = new();
            lines.Order().ToList().ForEach(list.Add); // several threads note them
            if (list.Count > 0)
            {
                yield return string.Create(CultureInfo.InvariantCulture,
                    $"{list.Count} {(list.Count == 1 ? "row" : "rows")} of '{file.Path}' {(list.Count == 1 ? one : several)} ({list.ToString(file.Unit)}).");
            }
        }
    }
}
