namespace Lora.Data;

/// <summary>Says what a row is that is neither a text nor a prompt with a completion, so that nobody trains on what it does not mean.</summary>
internal static class OtherRow
{
    private const int MostNamed = 5;
    private const string Chat = "a chat row";

    /// <summary>What the row is, by the columns that it has; null where nothing speaks against a text, or a prompt with its completion.</summary>
    public static string? Describe(RowField[] given)
    {
        RowField[] With(string[] names) => [.. given.Where(field => field.Has(names))];
        foreach (RowField field in given)
        {
            if (RowColumns.Unsupported.TryGetValue(field.Name, out string? reason))
            {
                return $"it has {RowReading.Quoted(field.Name)}: {reason}";
            }
        }

        RowField[] messages = With(RowColumns.Messages), asked = With(RowColumns.Asked), answers = With(RowColumns.Answer);
        return (With(RowColumns.Worse), With(RowColumns.Better), With(RowColumns.Label)) switch
        {
            ([RowField worse, ..], _, _) =>
                $"it is a preference row ({RowReading.Quoted(worse.Name)}), which waits for preference training; to learn the better answers alone, give them as \"completion\" beside \"prompt\", without the worse ones",
            (_, [RowField better, ..], _) => $"it has {RowReading.Quoted(better.Name)} without \"rejected\": half a preference row",
            (_, _, [RowField label, ..]) when answers.Length > 0 || messages.Length > 0 =>
                $"it is a KTO row ({RowReading.Quoted(label.Name)}): it may be a bad answer, and waits for preference training; to learn the good answers, take out the others and this column",
            _ => Conversation(given, messages, asked, answers, With(RowColumns.System)),
        };
    }

    /// <summary>That a row has no column that is known, and which ones it has.</summary>
    public static string Unknown(RowField[] fields)
    {
        const string Lacking = "neither \"text\" nor \"prompt\" and \"completion\"";
        foreach (RowField field in fields)
        {
            if (field.IsNull && field.Has(RowColumns.Text))
            {
                return $"{RowReading.Quoted(field.Name)} is null";
            }
        }

        if (fields.FirstOrDefault(field => field.Has(RowColumns.Asked)) is { Name: string asked })
        {
            return $"it has {RowReading.Quoted(asked)}, and {Lacking}";
        }

        string found = string.Join(", ", fields.Take(MostNamed).Select(field => RowReading.Quoted(field.Name))) + (fields.Length > MostNamed ? ", ..." : "");
        return found.Length > 0 ? $"it has {Lacking}, but {found}; rename the column to learn from" : $"it has {Lacking}: it is empty";
    }

    private static string? Conversation(RowField[] given, RowField[] messages, RowField[] asked, RowField[] answers, RowField[] system)
    {
        RowField[] listed = messages.Length > 0 ? messages : [.. given.Where(field => field.IsMessages)];
        if (listed.Length > 0)
        {
            return $"it is {Chat} ({RowReading.Quoted(listed[0].Name)}), and chats are not read yet";
        }

        if (asked.Length == 0 || answers.Length == 0)
        {
            return null;
        }

        bool isPair = asked.Any(field => field.Has(["prompt"])) && answers.Any(field => field.Has(["completion"]));
        string kind = asked.Any(field => field.Has(["instruction"])) ? "an Alpaca row" : "a row of questions and answers";
        return !isPair ? $"it is {kind} ({RowReading.Quoted(asked[0].Name)}, {RowReading.Quoted(answers[0].Name)}), which is read as a chat, and chats are not read yet; give \"prompt\" and \"completion\" as the model is to see them"
            : system.Length > 0 ? $"it is {Chat}, and chats are not read yet: {RowReading.Quoted(system[0].Name)} stands beside \"prompt\" and \"completion\"; write it into the prompt, or take it out"
            : null;
    }
}
