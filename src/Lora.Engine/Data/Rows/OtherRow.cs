namespace Lora.Data;

/// <summary>Says what a row is that is neither a text, nor a prompt with a completion, nor a conversation, so that nobody trains on what it does not mean.</summary>
internal static class OtherRow
{
    private const int MostNamed = 5;

    /// <summary>Refuses rows of preferences and labels, which wait for training of their own, and what is not read.</summary>
    /// <param name="cells">The row.</param>
    /// <param name="said">The format that is said, by which better and worse answers are columns as any others.</param>
    /// <exception cref="FormatException">What the row is, and which column to learn from.</exception>
    public static void Refuse(RowCells cells, DatasetFormat? said)
    {
        if (cells.Peek(ColumnMeaning.Unsupported) is RowCell other && !other.Field.IsEmpty && (other.Key != RowColumns.Completions || other.Field.IsList))
        {
            throw new FormatException($"it has {RowReading.Quoted(other.Field.Name)}: {RowColumns.Unsupported[other.Key]}");
        }

        RowCell? better = cells.Peek(ColumnMeaning.Better);
        if (said is null && cells.Peek(ColumnMeaning.Worse) is RowCell worse)
        {
            throw new FormatException($"it is a preference row ({RowReading.Quoted(worse.Field.Name)}), which waits for preference training; {Instead(cells, better)}");
        }

        if (said is null && better is RowCell half)
        {
            throw new FormatException($"it has {RowReading.Quoted(half.Field.Name)} without \"rejected\": half a preference row; {Instead(cells, better)}");
        }

        if (said != DatasetFormat.Text && cells.Peek(ColumnMeaning.Label) is RowCell label && (cells.Has(ColumnMeaning.Answer) || cells.Has(ColumnMeaning.Messages)))
        {
            string name = RowReading.Quoted(label.Field.Name);
            if (label.Field.Truth is not null)
            {
                throw new FormatException($"it is a KTO row: its {name} says whether the answer is a good one, and it waits for preference training; to learn the good ones, leave out the rows where it is false, and the column");
            }

            if (said is null)
            {
                throw new FormatException($"its {name} is neither true nor false: where it says whether the answer is a good one, write true and false; where it says something else, give -DatasetFormat");
            }
        }
    }

    /// <summary>That the columns do not make a row, and which ones there are.</summary>
    public static string Unknown(RowCells cells) => NullColumn(cells, ColumnMeaning.Text, ColumnMeaning.Messages) ?? Half(cells)
        ?? Lacking(cells, "neither \"text\" nor \"prompt\" and \"completion\" nor \"messages\"", "name the column to learn from, as in -Column @{ text = '...' }");

    /// <summary>That the columns have no text, where rows are said to be texts.</summary>
    public static string NoText(RowCells cells) => NullColumn(cells, ColumnMeaning.Text)
        ?? Lacking(cells, "no \"text\"", "name the column to learn from, as in -Column @{ text = '...' }");

    /// <summary>That the columns have nothing that is asked and answered, where rows are said to be that.</summary>
    public static string NoQuestion(RowCells cells) => NullColumn(cells, ColumnMeaning.Messages) ?? Half(cells)
        ?? Lacking(cells, "no question with an answer", "name the columns to learn from, as in -Column @{ question = '...'; answer = '...' }");

    private static string? NullColumn(RowCells cells, params ReadOnlySpan<ColumnMeaning> meanings)
    {
        // Of all columns: Peek passes over those that are null.
        foreach (RowField field in cells.All)
        {
            if (field.IsNull && meanings.Contains(RowColumns.Of(field.Name).Meaning))
            {
                return $"{RowReading.Quoted(field.Name)} is null";
            }
        }

        return null;
    }

    /// <summary>That a question is without its answer, or an answer without its question; null where neither is there.</summary>
    private static string? Half(RowCells cells)
    {
        RowCell? asked = cells.Peek(ColumnMeaning.Asked) ?? cells.Peek(ColumnMeaning.Input), answer = cells.Peek(ColumnMeaning.Answer);
        if (asked is RowCell question)
        {
            return question.Key == RowColumns.Prompt ? "it has a \"prompt\" without a \"completion\"" : $"it has {RowReading.Quoted(question.Field.Name)} without an \"answer\"";
        }

        return answer is not RowCell reply ? null
            : reply.Key == RowColumns.Completion ? "it has a \"completion\" without a \"prompt\"" : $"it has {RowReading.Quoted(reply.Field.Name)} without a \"question\"";
    }

    private static string Lacking(RowCells cells, string lacking, string instead)
    {
        string found = string.Join(", ", cells.All.Take(MostNamed).Select(field => RowReading.Quoted(field.Name))) + (cells.All.Count > MostNamed ? ", ..." : "");
        return found.Length > 0 ? $"it has {lacking}, but {found}; {instead}" : $"it has {lacking}: it is empty";
    }

    /// <summary>How to learn the better answers alone, or the messages beside them.</summary>
    private static string Instead(RowCells cells, RowCell? better)
    {
        string name = better?.Field.Name ?? "chosen";
        if (cells.Peek(ColumnMeaning.Messages) is RowCell messages)
        {
            return better is null or { Field.IsList: true }
                ? $"to learn {RowReading.Quoted(messages.Field.Name)}, give -DatasetFormat Chat"
                : $"to learn {RowReading.Quoted(name)} alone, write it as the last of the {RowReading.Quoted(messages.Field.Name)}";
        }

        RowCell? asked = cells.Peek(ColumnMeaning.Asked);
        (DatasetFormat format, string column) = better is { Field.IsList: true } && asked is null or { Field.IsText: true } ? (DatasetFormat.Chat, "messages")
            : asked is null ? (DatasetFormat.Text, "text")
            : (DatasetFormat.Chat, "answer");
        return $"to learn {RowReading.Quoted(name)} alone, give -DatasetFormat {format} -Column @{{ {column} = '{RowReading.Shown(name)}' }}";
    }
}
