using System.Buffers;
using System.Text.Json;
using Lora.Data;

namespace Lora.Tests.Data;

public sealed class DatasetRowJsonTests
{
    [Fact]
    public void Texts_and_prompts_are_read_as_they_were_written() => Assert.All<DatasetRow>(
        [new TextRow(7, "été \"\n\u2028\0 🌿 </b>"), new TextRow(1, "", IsDocument: true), new CompletionRow(1 << 30, "a\\", "")],
        row => Assert.Equal(row, DatasetRowJson.Read(Written(row), row.Line)));

    [Fact]
    public void A_question_with_choices_is_read_as_it_was_written()
    {
        ChoiceRow read = Assert.IsType<ChoiceRow>(DatasetRowJson.Read(Written(new ChoiceRow(3, "q\n", ["a", "é"], 1)), 3));
        Assert.Equal((3, "q\n", "a|é", 1), (read.Line, read.Question, string.Join('|', read.Choices), read.Answer));
    }

    [Fact]
    public void A_conversation_is_written_again_as_it_was_read_with_marks_calls_numbers_and_tools()
    {
        const string Message = """{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"b":1.0,"a":1,"big":123456789012345678901234567890,"small":-1e-7,"none":null,"yes":[true,{}]}}}]}""";
        using JsonDocument message = JsonDocument.Parse(Message);
        using JsonDocument tools = JsonDocument.Parse("""[{"type":"function","function":{"name":"f","number":1.50}}]""");
        ChatRow row = new(3, [new(new("user", "a\u2029b"), true), new(ChatMessage.FromJson(message.RootElement), false), new(new("assistant", "c"))], tools.RootElement);
        ChatRow read = Assert.IsType<ChatRow>(DatasetRowJson.Read(Written(row), row.Line));

        Assert.Equal(3, read.Line);
        Assert.Equal([true, false, null], read.Turns.Select(turn => turn.IsLearned));
        Assert.Equal(tools.RootElement.GetRawText(), read.Tools?.GetRawText());
        const string Template = "{{ messages | tojson }}";
        Assert.Equal(Rendered(Template, row), Rendered(Template, read)); // 1.0 stays a float, and 1 an integer
        Assert.Contains("\"b\": 1.0, \"a\": 1, ", Rendered(Template, read), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_row_of_the_shapes_that_people_have_is_read_as_it_was_written()
    {
        foreach (string path in Directory.EnumerateFiles(Repository.Shared("datasets"), "*.jsonl"))
        {
            try
            {
                Assert.All(DatasetReader.Read(new(path)), row => Assert.Equal(Written(row), Written(DatasetRowJson.Read(Written(row), row.Line))));
            }
            catch (LoraException)
            {
                // The files that are wrong have tests of their own.
            }
        }
    }

    private static string Rendered(string template, ChatRow row) => ChatTemplate.Parse(template).Render([.. row.Turns.Select(turn => turn.Message)]).Text;

    private static byte[] Written(DatasetRow row)
    {
        ArrayBufferWriter<byte> bytes = new();
        DatasetRowJson.Write(bytes, row);
        Assert.DoesNotContain((byte)'\n', bytes.WrittenSpan.ToArray());
        return bytes.WrittenSpan.ToArray();
    }
}
