using System.Buffers;
using Lora.Data;

namespace Lora.Tests.Data;

/// <summary>What the shapes of ../shared/datasets leave open: columns and keys in other company, and what is wrong with them.</summary>
public sealed class RowReadingTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("""{"messages":[{"human":"a","assistant":"b"},{"system":"s","user":"c","assistant":"d","weight":0}]}""", "user: a|assistant: b|system: s|user: c|assistant: d (0)")]
    [InlineData("""{"contents":[{"role":"user","parts":[{"text":"a"},{"text":"b"}]},{"role":"model","parts":[{"text":"c"}]}],"systemInstruction":"s"}""", "system: s|user: ab|assistant: c")]
    [InlineData("""{"messages":[{"role":"user","content":null,"value":"a"},{"role":"assistant","content":"","thinking":"t"}]}""", "user: a|assistant: [t]")]
    [InlineData("""{"messages":[{"role":"user","content":["a",{"type":"input_text","text":"b"}]},{"role":"assistant","content":[{"type":"thinking","thinking":"t"},{"type":"text","value":"c"}]}]}""", "user: ab|assistant: c[t]")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":"r"}]},{"type":"text","text":"a"}]},{"role":"assistant","content":"b"}]}""", "tool: r|user: a|assistant: b")]
    [InlineData("""{"messages":null,"question":"q","answer":"a"}""", "user: q|assistant: a")]
    [InlineData("""{"messages":"[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"a\"}]"}""", "user: q|assistant: a")]
    [InlineData("""{"messages":[],"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}]}""", "user: q|assistant: a")]
    [InlineData("""{"prompt":"p","completion":[{"role":"assistant","content":"a"}]}""", "user: p|assistant: a")]
    [InlineData("""{"prompt":[{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"user","content":"r"}],"completion":"b"}""", "user: q|assistant: a (0)|user: r|assistant: b")]
    [InlineData("""{"prompt":"p","completion":"c","history":[["a","b"]]}""", "user: a|assistant: b|user: p|assistant: c")]
    [InlineData("""{"instruction":null,"input":"q","output":"a"}""", "user: q|assistant: a")]
    [InlineData("""{"question":"q","context":"c","answer":"a","thinking":"t"}""", "user: c\n\nq|assistant: a[t]")]
    [InlineData("""{"system":"t","messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}""", "system: s|user: q|assistant: a")]
    [InlineData("""{"messages":[{"role":"user","content":"q"},{"role":"tool_call","content":{"name":"f","arguments":{"a":1}}},{"role":"assistant","content":"a"}]}""", "user: q|assistant: +1|assistant: a")]
    public void Messages_are_found_in_the_columns_and_keys_that_hold_them(string json, string messages) => Assert.Equal(messages, string.Join('|', Chat(json).Turns.Select(Shown)));

    [Theory]
    [InlineData("""{"question":"q","prompt":"p","answer":"a"}""", "\"question\" and \"prompt\", and either may be the \"question\"", "-Column")]
    [InlineData("""{"question":"q","answer":"a","solution":"b"}""", "\"answer\" and \"solution\", and either may be the \"answer\"")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"conversation":[{"role":"user","content":"b"}]}""", "either may be the \"messages\"")]
    [InlineData("""{"dialog":[{"role":"user","content":"a"}],"chat":[{"from":"user","value":"b"}]}""", "either may be the \"messages\"")]
    [InlineData("""{"messages":"hello"}""", "\"messages\" is not JSON")]
    [InlineData("""{"messages":"[{'role': 'user', 'content': 'a'}]"}""", "as Python prints it")]
    [InlineData("""{"messages":{"role":"user"}}""", "\"messages\" is not a list of messages")]
    [InlineData("""{"messages":["a"]}""", "is not a message")]
    [InlineData("""{"messages":[{"role":"user","role":"assistant","content":"a"}]}""", "\"role\" more than once")]
    [InlineData("""{"messages":[{"role":5,"content":"a"}]}""", "\"role\" of a message is not a string")]
    [InlineData("""{"messages":[{"content":"a"}]}""", "has no \"role\"")]
    [InlineData("""{"messages":[{"role":"user","content":5}]}""", "\"content\" of a message is not a string")]
    [InlineData("""{"messages":[{"role":"assistant","content":"a","weight":0.5}]}""", "neither 0 nor 1")]
    [InlineData("""{"messages":[{"role":"assistant","content":"a","weight":1,"train":false}]}""", "differ in whether it is learned")]
    [InlineData("""{"messages":[{"role":"assistant","content":"a"},{"role":"function_call","content":"{\"name\":\"f\"}","loss":false}]}""", "differ in whether it is learned")]
    [InlineData("""{"messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":{}}}]}]}""", "without a \"name\"|no \"name\"")]
    [InlineData("""{"messages":[{"role":"assistant","tool_calls":[{"name":"f","arguments":"{\"a\":1,\"a\":2}"}]}]}""", "\"arguments\" of a call of \"f\" are not a JSON object")]
    [InlineData("""{"messages":[{"role":"assistant","content":"\ud800"}]}""", "surrogate")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"tools":[{"description":"d"}]}""", "\"tools\" has a tool without a \"name\"")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"tools":"f(x)"}""", "\"tools\" is not JSON")]
    [InlineData("""{"question":"q","answers":["a","b"]}""", "\"answers\" is a list", "a row for each")]
    [InlineData("""{"prompt":"q","completions":["a","b"]}""", "several completions of one prompt")]
    [InlineData("""{"question":"q","answer":"a","history":["a","b"]}""", "not a list of pairs")]
    [InlineData("""{"question":"q"}""", "\"question\" without an \"answer\"")]
    [InlineData("""{"output":"q"}""", "\"output\" without a \"question\"")]
    [InlineData("""{"text":"a","prompt":"b"}""", "\"text\" beside \"prompt\" or \"completion\"", "-DatasetFormat")]
    [InlineData("""{"text":"a","prompt":"b","completion":"c"}""", "\"text\" beside \"prompt\" or \"completion\"")]
    [InlineData("""{"text":"a","TEXT":"b"}""", "\"text\" more than once")]
    [InlineData("""{"question":"q","answer":"a","label":1}""", "neither true nor false", "-DatasetFormat")]
    [InlineData("""{"question":"q","answer":"a","label":false}""", "a KTO row")]
    [InlineData("""{"messages":[{"role":"user","content":"q"}],"images":["a.png"]}""", "\"images\"")]
    public void What_may_mean_several_things_or_nothing_is_an_error_that_names_it(string json, params string[] words)
    {
        string message = Assert.Throws<LoraException>(() => Read("rows.jsonl", json)).Message;
        Assert.All(words, word => Assert.Contains(word.Split('|'), either => message.Contains(either, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("""{"chosen":"a","rejected":"b"}""", "-DatasetFormat Text -Column @{ text = 'chosen' }")]
    [InlineData("""{"prompt":"p","chosen":"a","rejected":"b"}""", "-DatasetFormat Chat -Column @{ answer = 'chosen' }")]
    [InlineData("""{"chosen":[{"role":"user","content":"a"}],"rejected":[{"role":"user","content":"a"}]}""", "-DatasetFormat Chat -Column @{ messages = 'chosen' }")]
    [InlineData("""{"prompt":[{"role":"user","content":"a"}],"chosen":[{"role":"assistant","content":"a"}],"rejected":[]}""", "-Column @{ answer = 'chosen' }")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"rejected_response":"b"}""", "to learn \"messages\", give -DatasetFormat Chat")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"chosen":{"from":"gpt","value":"a"},"rejected":{"from":"gpt","value":"b"}}""", "as the last of the \"messages\"")]
    public void A_preference_row_says_how_its_better_half_is_learned(string json, string way) =>
        Assert.Contains(way, Assert.Throws<LoraException>(() => Read("rows.jsonl", json)).Message, StringComparison.Ordinal);

    [Fact]
    public void What_is_said_of_rows_goes_before_what_their_columns_say()
    {
        const string Row = """{"text":"t","prompt":"p","completion":"c","messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"chosen":"x","rejected":"y","label":"z"}""";
        DatasetRow Said(DatasetFormat format) => Assert.Single(DatasetReader.Read(new(folder.Write("rows.jsonl", Row)) { Rules = new(new() { DatasetFormat = format }) }));
        Assert.Equal(new TextRow(1, "t"), Said(DatasetFormat.Text));
        Assert.Equal(new CompletionRow(1, "p", "c"), Said(DatasetFormat.Completion));
        Assert.Equal("user: q|assistant: a", string.Join('|', Assert.IsType<ChatRow>(Said(DatasetFormat.Chat)).Turns.Select(Shown)));
        Assert.StartsWith("Below is an instruction", Assert.IsType<CompletionRow>(Said(DatasetFormat.Alpaca)).Prompt, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DatasetFormat.Text, """{"messages":[{"role":"user","content":"a"}]}""", "it has no \"text\", but \"messages\"; name the column to learn from, as in -Column @{ text = '...' }")]
    [InlineData(DatasetFormat.Text, """{"question":"q","answer":"a"}""", "it has no \"text\", but \"question\", \"answer\"")]
    [InlineData(DatasetFormat.Chat, """{"text":"a"}""", "it has no question with an answer, but \"text\"; name the columns to learn from, as in -Column @{ question = '...'; answer = '...' }")]
    [InlineData(DatasetFormat.Completion, """{"messages":[{"role":"user","content":"a"}]}""", "it has no question with an answer, but \"messages\"")]
    [InlineData(DatasetFormat.Completion, """{"prompt":"p"}""", "it has a \"prompt\" without a \"completion\"")]
    public void Rows_that_are_not_what_is_said_of_them_are_told_what_that_lacks(DatasetFormat format, string json, string words)
    {
        DatasetFile file = new(folder.Write("rows.jsonl", json)) { Rules = new(new() { DatasetFormat = format }) };
        Assert.Contains(words, Assert.Throws<LoraException>(() => DatasetReader.Read(file).ToArray()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_of_several_kinds_in_one_file_are_an_error_that_names_the_lines()
    {
        string message = Assert.Throws<LoraException>(() => Read("rows.jsonl", """{"text":"a"}""", """{"prompt":"a","completion":"b"}""", """{"text":"c"}""", """{"prompt":"a","completion":"b"}""")).Message;
        Assert.Contains("lines 2, 4: it is a prompt with its completion, and line 1 is a text; all rows of a file must be of one kind", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Columns_and_roles_are_read_as_what_they_are_said_to_be()
    {
        RowRules rules = new(new()
        {
            Column = new([new("prompt", "ASK"), new("completion", "reply"), new("system", "nobody")]),
            DatasetRole = new([new("narrator", "system")]),
        });
        DatasetFile file = new(folder.Write("rows.csv", "ask,reply,prompt\na,b,c")) { Rules = rules };
        Assert.Equal(new CompletionRow(2, "a", "b"), Assert.Single(DatasetReader.Read(file)));
        Assert.Equal(["prompt"], file.UnusedColumns); // another column is read in its place
        Assert.Equal(["ask", "reply", "prompt"], file.Columns);

        DatasetFile chat = new(folder.Write("chat.jsonl", """{"messages":[{"role":"Narrator","content":"a"},{"role":"bot","content":"b"}]}""")) { Rules = rules };
        Assert.Equal("system", Assert.IsType<ChatRow>(Assert.Single(DatasetReader.Read(chat))).Turns[0].Message.Role);
    }

    [Fact]
    public void Lists_in_the_fields_of_CSV_are_JSON_and_an_empty_field_is_none()
    {
        DatasetRow[] rows = Read("rows.csv", "query,history,answer,functions", "q,\"[[\"\"a\"\",\"\"b\"\"]]\",c,\"[{\"\"name\"\":\"\"f\"\"}]\"", "q,,c,");
        Assert.Equal(["user: a|assistant: b|user: q|assistant: c", "user: q|assistant: c"], rows.Cast<ChatRow>().Select(row => string.Join('|', row.Turns.Select(Shown))));
        Assert.Equal("""[{"type":"function","function":{"name":"f"}}]""", ((ChatRow)rows[0]).Tools?.GetRawText());
        Assert.Null(((ChatRow)rows[1]).Tools);
    }

    [Fact]
    public void Calls_have_the_form_that_templates_take()
    {
        ChatRow row = Chat("""{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{\"b\":2.0,\"a\":null}"}},{"name":"g"}]}]}""");
        const string Template = "{{ messages[1].tool_calls | tojson }}";
        Assert.Equal(
            """[{"id": "1", "type": "function", "function": {"name": "f", "arguments": {"b": 2.0, "a": null}}}, {"type": "function", "function": {"name": "g", "arguments": {}}}]""",
            ChatTemplate.Parse(Template).Render([.. row.Turns.Select(turn => turn.Message)]).Text);
    }

    [Fact]
    public void Calls_and_tools_as_deep_as_they_may_be_are_written_down_and_read_again()
    {
        string deep = string.Concat(Enumerable.Repeat("[", 60)) + string.Concat(Enumerable.Repeat("]", 60));
        ChatRow row = Chat($$$"""{"messages":[{"role":"assistant","tool_calls":[{"name":"f","arguments":{"a":{{{deep}}}}}]}],"tools":[{"name":"f","parameters":{{{deep}}}}]}""");
        ArrayBufferWriter<byte> once = new(), again = new();
        DatasetRowJson.Write(once, row);
        DatasetRowJson.Write(again, DatasetRowJson.Read(once.WrittenMemory, row.Line));
        Assert.Equal(once.WrittenSpan, again.WrittenSpan);
    }

    [Fact]
    public void Calls_as_deep_as_a_row_may_be_are_an_error()
    {
        string deep = new string('[', 5000) + new string(']', 5000);
        string calls = $$$"""{"messages":[{"role":"assistant","tool_calls":[{"name":"f","arguments":{"a":{{{deep}}}}}]}]}""";
        Assert.Contains("\"arguments\"", Assert.Throws<LoraException>(() => Read("rows.jsonl", calls)).Message, StringComparison.Ordinal);
        string tools = $$$"""{"messages":[{"role":"assistant","content":"a"}],"tools":[{"name":"f","parameters":{{{deep}}}}]}""";
        Assert.Contains("\"tools\" is not JSON", Assert.Throws<LoraException>(() => Read("rows.jsonl", tools)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_noted_of_rows_names_their_lines()
    {
        DatasetFile file = new(folder.Write("rows.jsonl", string.Join('\n',
            """{"system":"t","messages":[{"role":"system","content":"s"},{"role":"assistant","content":"a"},{"role":"user","content":"q","weight":1,"note":5}]}""",
            """{"messages":[{"role":"assistant","content":"a","note":6},{"role":"user","content":"q"}],"note":7}""")));
        Assert.Equal(2, DatasetReader.Read(file).Count());
        Assert.Equal(
            [
                "has 1 row whose \"system\" is not used: its messages have one of their own (line 1)",
                "has 2 rows whose first message is the assistant's (lines 1, 2)",
                "has 1 row in which a message that is not the assistant's is marked to be learned (line 1)",
                "has 1 row whose last message is not learned: it costs time and nothing else (line 2)",
            ],
            file.Notices);
        Assert.Equal(["messages[].note", "note"], file.UnusedColumns);
    }

    private static string Shown(ChatTurn turn)
    {
        string reasoning = turn.Message.Fields.Find("reasoning_content") is Lora.Text.Jinja.TextValue thought ? $"[{thought.Text}]" : "";
        string calls = turn.Message.Fields.Find("tool_calls") is Lora.Text.Jinja.ListValue list ? $"+{list.Size}" : "";
        return $"{turn.Message.Role}: {turn.Message.Content}{reasoning}{calls}{(turn.IsLearned is bool learned ? learned ? " (1)" : " (0)" : "")}";
    }

    private ChatRow Chat(string json) => Assert.IsType<ChatRow>(Assert.Single(Read("rows.jsonl", json)));

    private DatasetRow[] Read(string name, params string[] lines) => [.. DatasetReader.Read(new(folder.Write(name, string.Join('\n', lines))))];
}
