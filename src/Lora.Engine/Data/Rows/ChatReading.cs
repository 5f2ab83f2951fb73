namespace Lora.Data;

/// <summary>Makes a conversation of messages and of the columns that stand beside them: a system message, and the tools.</summary>
internal static class ChatReading
{
    /// <summary>The conversation.</summary>
    /// <param name="line">Where the row begins.</param>
    /// <param name="turns">Its messages.</param>
    /// <param name="cells">The other columns.</param>
    /// <param name="file">Notes what is to be said of the row.</param>
    public static ChatRow Read(int line, List<Turn> turns, RowCells cells, DatasetFile file)
    {
        if (cells.Take(ColumnMeaning.System) is RowCell system && !system.Field.IsEmpty)
        {
            string content = system.Field.IsText ? system.Field.Text : MessageContent.Read(system.Field.Json, system.Field.Name, file).Text;
            if (turns.Exists(turn => turn.Role == ChatRoles.System))
            {
                file.NoteRow(line, $"whose {RowReading.Quoted(system.Field.Name)} is not used: its messages have one of their own");
            }
            else if (content.Length > 0)
            {
                turns.Insert(0, new Turn(ChatRoles.System) { Content = content });
            }
        }

        ChatRow row = new(line, [.. turns.Select(turn => turn.Build())], cells.Take(ColumnMeaning.Tools) is RowCell tools ? ToolCalls.Tools(tools.Field) : null);
        if (row.Lack is null)
        {
            Note(row, turns, file);
        }

        return row;
    }

    private static void Note(ChatRow row, List<Turn> turns, DatasetFile file)
    {
        if (turns.Find(turn => turn.Role != ChatRoles.System)?.Role == ChatRoles.Assistant)
        {
            file.NoteRow(row.Line, "whose first message is the assistant's");
        }

        if (!row.Turns[^1].Learns)
        {
            file.NoteRow(row.Line, "whose last message is not learned: it costs time and nothing else");
        }

        if (turns.Exists(turn => turn.IsLearned == true && turn.Role != ChatRoles.Assistant))
        {
            file.NoteRow(row.Line, "in which a message that is not the assistant's is marked to be learned");
        }
    }
}
