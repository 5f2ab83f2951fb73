using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lora.Text.Jinja;

namespace Lora.Data;

/// <summary>
/// Rows as JSON, for files that are written and read again by us alone: what is read is equal to what was written. Without the line, so that equal rows
/// are equal bytes.
/// </summary>
internal static class DatasetRowJson
{
    // Arguments and tools stand up to 64 deep in themselves, and here within a row.
    private const int MaxDepth = 128;

    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>Writes a row, without a line end.</summary>
    public static void Write(IBufferWriter<byte> bytes, DatasetRow row)
    {
        using Utf8JsonWriter json = new(bytes, Options);
        json.WriteStartObject();
        switch (row)
        {
            case TextRow text:
                json.WriteString("text", text.Text);
                json.WriteBoolean("document", text.IsDocument);
                break;
            case CompletionRow pair:
                json.WriteString("prompt", pair.Prompt);
                json.WriteString("completion", pair.Completion);
                break;
            case ChatRow chat:
                Write(json, chat);
                break;
            case LabelledRow labelled:
                json.WriteString("labelled", labelled.Text);
                json.WriteBoolean("list", labelled.IsList);
                Write(json, labelled.Labels);
                break;
            case TaggedRow tagged:
                json.WriteStartArray("words");
                tagged.Words.ToList().ForEach(json.WriteStringValue);
                json.WriteEndArray();
                Write(json, tagged.Tags);
                break;
            case ChoiceRow choice:
                json.WriteString("question", choice.Question);
                json.WriteStartArray("choices");
                choice.Choices.ToList().ForEach(json.WriteStringValue);
                json.WriteEndArray();
                json.WriteNumber("answer", choice.Answer);
                break;
            case DocumentPart part:
                json.WriteStartArray("ids");
                Array.ForEach(part.Ids, json.WriteNumberValue);
                json.WriteEndArray();
                break;
            default:
                throw new ArgumentException($"{row.GetType().Name} is not written", nameof(row));
        }

        json.WriteEndObject();
    }

    /// <summary>The row that was written.</summary>
    /// <param name="bytes">What was written.</param>
    /// <param name="line">Where the row stands in its file.</param>
    public static DatasetRow Read(ReadOnlyMemory<byte> bytes, int line)
    {
        using JsonDocument document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = MaxDepth });
        JsonElement row = document.RootElement;
        // The kinds are told by a property that no other kind writes.
        return row.TryGetProperty("text", out JsonElement text) ? new TextRow(line, text.GetString()!, row.GetProperty("document").GetBoolean())
            : row.TryGetProperty("prompt", out JsonElement prompt) ? new CompletionRow(line, prompt.GetString()!, row.GetProperty("completion").GetString()!)
            : row.TryGetProperty("labelled", out JsonElement labelled) ? new LabelledRow(line, labelled.GetString()!, Labels(row), row.GetProperty("list").GetBoolean())
            : row.TryGetProperty("words", out JsonElement words) ? new TaggedRow(line, [.. words.EnumerateArray().Select(word => word.GetString()!)], Labels(row))
            : row.TryGetProperty("question", out JsonElement question)
                ? new ChoiceRow(line, question.GetString()!, [.. row.GetProperty("choices").EnumerateArray().Select(choice => choice.GetString()!)], row.GetProperty("answer").GetInt32())
            : row.TryGetProperty("ids", out JsonElement ids) ? new DocumentPart(line, [.. ids.EnumerateArray().Select(id => id.GetInt32())])
            : new ChatRow(line, [.. row.GetProperty("turns").EnumerateArray().Select(Turn)], row.TryGetProperty("tools", out JsonElement tools) ? tools.Clone() : null);
    }

    /// <summary>Names are strings, and numbers in an array of their own, as they are written.</summary>
    private static RowLabel[] Labels(JsonElement row) => [.. row.GetProperty("labels").EnumerateArray()
        .Select(label => label.ValueKind == JsonValueKind.Array ? new RowLabel(label[0].GetString()!, IsNumber: true) : new RowLabel(label.GetString()!, IsNumber: false))];

    private static void Write(Utf8JsonWriter json, IReadOnlyList<RowLabel> labels)
    {
        json.WriteStartArray("labels");
        foreach (RowLabel label in labels)
        {
            if (label.IsNumber)
            {
                json.WriteStartArray();
                json.WriteStringValue(label.Text);
                json.WriteEndArray();
            }
            else
            {
                json.WriteStringValue(label.Text);
            }
        }

        json.WriteEndArray();
    }

    private static ChatTurn Turn(JsonElement turn) =>
        new(ChatMessage.FromJson(turn.GetProperty("message")), turn.TryGetProperty("learned", out JsonElement learned) ? learned.GetBoolean() : null);

    private static void Write(Utf8JsonWriter json, ChatRow chat)
    {
        json.WriteStartArray("turns");
        foreach (ChatTurn turn in chat.Turns)
        {
            json.WriteStartObject();
            if (turn.IsLearned is bool learned)
            {
                json.WriteBoolean("learned", learned);
            }

            json.WritePropertyName("message");
            Write(json, turn.Message.Fields);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (chat.Tools is JsonElement tools)
        {
            json.WritePropertyName("tools");
            tools.WriteTo(json);
        }
    }

    private static void Write(Utf8JsonWriter json, Value value)
    {
        switch (value)
        {
            case TextValue text:
                json.WriteStringValue(text.Text);
                break;
            case BooleanValue:
                json.WriteBooleanValue(value.IsTrue);
                break;
            case IntegerValue integer:
                json.WriteNumberValue(integer.Number);
                break;
            case FloatValue real:
                json.WriteRawValue(Number(real.Number), skipInputValidation: true);
                break;
            case ListValue list:
                json.WriteStartArray();
                foreach (Value member in list.Members)
                {
                    Write(json, member);
                }

                json.WriteEndArray();
                break;
            case MapValue map:
                json.WriteStartObject();
                foreach ((Value key, Value member) in map.Pairs)
                {
                    json.WritePropertyName(((TextValue)key).Text);
                    Write(json, member);
                }

                json.WriteEndObject();
                break;
            default:
                json.WriteNullValue();
                break;
        }
    }

    /// <summary>A number with a point or an exponent, as templates tell 1.0 from 1; what is beyond a double is read as infinite again.</summary>
    private static string Number(double number) => double.IsFinite(number) ? Numbers.Text(number) : number > 0 ? "1e999" : "-1e999";
}
