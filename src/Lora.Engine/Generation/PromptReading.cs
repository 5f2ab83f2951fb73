using System.Globalization;
using System.Text.Json;
using Lora.Data;

namespace Lora.Generation;

/// <summary>Makes prompts of rows, by the columns that training knows: what is learned there is asked for here, and an answer that the row has is left out.</summary>
internal static class PromptReading
{
    private const string Name = "the prompts";

    /// <summary>The prompt of a row.</summary>
    /// <param name="row">A JSON object.</param>
    /// <param name="number">What messages call it.</param>
    /// <exception cref="LoraException">RowInvalid.</exception>
    public static LoraPrompt Read(JsonElement row, int number)
    {
        try
        {
            return row.ValueKind == JsonValueKind.Object
                ? Read([.. row.EnumerateObject().Select(field => new RowField(field.Name, field.Value))], new DatasetFile(Name) { Rules = RowRules.Prompts })
                : throw new FormatException("it is not an object");
        }
        catch (Exception exception) when (exception is FormatException or InvalidOperationException)
        {
            // Half of a surrogate pair is an InvalidOperationException of System.Text.Json.
            string cause = exception is FormatException ? exception.Message : "a string holds half of a surrogate pair";
            throw LoraException.From(exception, LoraError.RowInvalid, row.ToString(), Name, string.Create(CultureInfo.InvariantCulture, $"row {number}"), cause);
        }
    }

    private static LoraPrompt Read(RowField[] fields, DatasetFile file)
    {
        RowCells cells = file.Cells(fields);
        if (cells.TakeMessages(file) is RowField messages)
        {
            return Conversation(MessageReading.Read(messages.List("messages"), messages.Name, file), cells, file);
        }

        RowCell? asked = cells.Peek(ColumnMeaning.Asked) ?? cells.Peek(ColumnMeaning.Input);

        // In training a text beside a question is not read; who asks would not see that it was left out.
        if (asked is RowCell known && cells.Peek(ColumnMeaning.Text) is RowCell other)
        {
            throw new FormatException($"it has {RowReading.Quoted(known.Field.Name)} and {RowReading.Quoted(other.Field.Name)}, and either may be the prompt: give one of them, as by Select-Object");
        }

        // A prompt is raw text, unless an answer that is no completion makes a question of it.
        if (asked is { Key: RowColumns.Prompt, Field.IsText: true } && cells.Peek(ColumnMeaning.Answer) is null or { Key: RowColumns.Completion })
        {
            return LoraPrompt.Of(cells.Take(RowColumns.Prompt)!.Value.Field.Text);
        }

        // What it says would be a text as any other, and who says it lost.
        if (asked is null && fields.Any(field => field.Name.Equals("role", StringComparison.OrdinalIgnoreCase)))
        {
            throw new FormatException("it is one message; a conversation is one row, with all its messages as \"messages\"");
        }

        return asked is not null ? Conversation([.. QuestionReading.History(cells), .. QuestionReading.Asked(cells, file)], cells, file)
            : (cells.Take("text") ?? cells.Take("content")) is RowCell text ? LoraPrompt.Of(text.Field.Text)
            : throw new FormatException("it has no \"messages\", no \"question\", no \"prompt\" and no \"text\"");
    }

    /// <summary>A conversation up to the last message that is not the assistant's, for that is what is answered.</summary>
    private static LoraPrompt Conversation(List<Turn> turns, RowCells cells, DatasetFile file)
    {
        ChatRow row = ChatReading.Read(1, turns, cells, file);
        ChatMessage[] messages = [.. row.Turns.Select(turn => turn.Message).Reverse().SkipWhile(message => message.Role == ChatRoles.Assistant).Reverse()];
        return messages.Any(message => message.Role != ChatRoles.System) ? LoraPrompt.Of(messages, row.Tools) : throw new FormatException("it has no message to answer");
    }
}
