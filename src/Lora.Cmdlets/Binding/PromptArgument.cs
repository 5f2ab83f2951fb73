using System.Buffers;
using System.Text.Json;

namespace Lora.Commands;

/// <summary>What a user gave as a prompt: a text, or a row with messages, with what is asked, or with a text: a custom object, a hashtable or a row of a data table.</summary>
public sealed record PromptArgument : Argument
{
    /// <summary>The prompt.</summary>
    /// <param name="number">Which of several it is, from 1.</param>
    /// <exception cref="LoraException">PromptNotGiven, NotAPrompt or RowInvalid.</exception>
    internal LoraPrompt Read(int number) => Value switch
    {
        LoraPrompt prompt => prompt,
        string text => LoraPrompt.Of(text),
        null => throw LoraException.Of(LoraError.PromptNotGiven, null, ": it is nothing"),
        // Before rows: what a job gives back of the module's own objects is a custom object, as a row is.
        object value when Members.Kind(value).StartsWith("Lora.", StringComparison.Ordinal) =>
            throw LoraException.Of(LoraError.PromptNotGiven, value, $": what came is a {Members.Kind(value)}"),
        object value when RowJson.IsRow(value) => Row(value, number),
        object value => throw LoraException.Of(LoraError.NotAPrompt, value, value, $"it is a {Members.Kind(value)}"),
    };

    private static LoraPrompt Row(object row, int number)
    {
        ArrayBufferWriter<byte> json = new();
        using (Utf8JsonWriter writer = new(json))
        {
            try
            {
                RowJson.Write(row, writer);
            }
            catch (Exception exception) when (exception is FormatException or ArgumentException or InvalidOperationException)
            {
                throw LoraException.From(exception, LoraError.NotAPrompt, row, row, exception.Message.TrimEnd('.'));
            }
        }

        return LoraPrompt.FromRow(JsonElement.Parse(json.WrittenSpan), number);
    }
}
