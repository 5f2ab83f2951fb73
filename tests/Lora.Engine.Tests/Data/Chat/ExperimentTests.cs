using System.Text;
using System.Text.Json;
using Lora.Data;
using Lora.Text;

namespace Lora.Tests.Data.Chat;

public sealed class ExperimentTests
{
    [Fact]
    public void Show()
    {
        JsonElement golden = JsonDocument.Parse(File.ReadAllText(Repository.Shared("chat", "golden.json"))).RootElement;
        StringBuilder shown = new();
        Dictionary<string, string> names = new() { ["bos_token"] = "<s>", ["eos_token"] = "</s>" };
        foreach (JsonProperty template in golden.GetProperty("templates").EnumerateObject())
        {
            JsonElement outs = golden.GetProperty("out").GetProperty(template.Name);
            string[] tokens = [.. TemplateTokenizer.Tokens(outs.EnumerateObject().Select(o => o.Value.TryGetProperty("ok", out JsonElement ok) ? ok.GetString()! : ""))];
            Tokenizer tokenizer = TemplateTokenizer.With(tokens);
            ChatTemplate parsed = ChatTemplate.Parse(template.Value.GetString()!, names, template.Name);
            ChatEncoder encoder = new(parsed, tokenizer, new(), new Text.Chat.StoppedClock(new DateTime(2026, 11, 24, 0, 0, 0, DateTimeKind.Utc)));
            shown.AppendLine($"===== {template.Name} {string.Join(' ', tokens)}");
            foreach (JsonProperty given in golden.GetProperty("cases").EnumerateObject())
            {
                ChatTurn[] turns = [.. given.Value.GetProperty("messages").EnumerateArray().Select(m => new ChatTurn(ChatMessage.FromJson(m)))];
                Write(given.Name, new ChatRow(1, turns, given.Value.TryGetProperty("tools", out JsonElement tools) ? tools : null));
            }

            Write("reason", new ChatRow(1, [new(new("user", "Q1 <|im_end|> x")), Turn("""{"role":"assistant","content":"A1","reasoning_content":"R1"}"""), new(new("user", "Q2")), Turn("""{"role":"assistant","content":"A2","reasoning_content":"R2"}""")]));
            Write("inner", new ChatRow(1, [new(new("user", "Q1")), Turn("""{"role":"assistant","content":"<think>\nR1\n</think>\n\nA1"}"""), new(new("user", "Q2")), Turn("""{"role":"assistant","content":"<think>\nR2\n</think>\n\nA2"}""")]));
            Write("callend", new ChatRow(1, [new(new("user", "Q1")), Turn("""{"role":"assistant","content":"","tool_calls":[{"id":"abcdefghi","type":"function","function":{"name":"ff","arguments":{"n":3}}}]}""")], JsonDocument.Parse("""[{"type":"function","function":{"name":"ff","description":"d","parameters":{"type":"object","properties":{"n":{"type":"integer"}},"required":[]}}}]""").RootElement));
            void Write(string name, ChatRow row)
            {
                try
                {
                    ChatText? text = encoder.Write(row, default);
                    shown.AppendLine($"  {name}: {(text is null ? "null" : string.Join(" ", text.Pieces.Where(p => p.IsLearned).Select(p => JsonSerializer.Serialize(p.Text, Plain))))}{(text?.IsOpen == true ? " OPEN" : "")} {text?.Notes}");
                }
                catch (FormatException failure)
                {
                    shown.AppendLine($"  {name}: !! {failure.Message}");
                }
            }
        }

        File.WriteAllText("/tmp/masks/shown.txt", shown.ToString());
    }

    private static readonly JsonSerializerOptions Plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static ChatTurn Turn(string json) => new(ChatMessage.FromJson(JsonDocument.Parse(json).RootElement));
}
