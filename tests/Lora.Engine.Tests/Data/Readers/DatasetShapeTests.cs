using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lora.Data;

namespace Lora.Tests.Data;

/// <summary>Small files in the shapes that people's data has, each read as the reading that is written down for it says (../shared/datasets).</summary>
public class DatasetShapeTests
{
    private static readonly Dictionary<string, JsonElement> Expected = Read();

    public static TheoryData<string> Readable => [.. Names("text", "prompt_completion", "chat").DefaultIfEmpty("")];

    public static TheoryData<string> Wrong => [.. Names("error").DefaultIfEmpty("")];

    public static TheoryData<string> OfPreferences => [.. Names("preference", "kto").DefaultIfEmpty("")];

    [Theory]
    [MemberData(nameof(Readable))]
    public void A_file_is_read_as_its_expectation_says(string name)
    {
        DatasetFile file = new(Repository.Shared("datasets", name));
        DatasetRow[] all = [.. DatasetReader.Read(file)];
        DatasetRow[] rows = [.. all.Where(row => row.Lack is null)];
        JsonElement expected = Expected[name];

        Assert.Equal(expected.GetProperty("rows").EnumerateArray().Select(row => JsonNode.Parse(row.GetRawText())!.ToJsonString()), rows.Select(row => Normal(row).ToJsonString()));
        Assert.Equal(Kind(expected), file.Format switch { DatasetFormat.Text => "text", DatasetFormat.Completion => "prompt_completion", _ => "chat" });
        if (Kind(expected) == "chat")
        {
            Assert.Equal(
                expected.GetProperty("supervised").EnumerateArray().Select(row => row.GetRawText()),
                rows.Cast<ChatRow>().Select(row => $"[{string.Join(',', row.Turns.Index().Where(turn => turn.Item.Learns).Select(turn => turn.Index))}]"));
        }

        Assert.Equal(Strings(expected, "ignored").Order(StringComparer.Ordinal), file.UnusedColumns.Order(StringComparer.Ordinal));
        Assert.Equal(Members(expected, "skipped").Select(row => row.GetProperty("line").GetInt32()), all.Where(row => row.Lack is not null).Select(row => row.Line));
        if (expected.TryGetProperty("lines", out JsonElement lines))
        {
            Assert.Equal(lines.EnumerateArray().Select(line => line.GetInt32()), rows.Select(row => row.Line));
        }

        int said = Members(expected, "notices").Length;
        Assert.True(file.Notices.Count >= said, $"{said} things are to be said, and {file.Notices.Count} are: {string.Join(", ", file.Notices)}");
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public void A_file_that_is_wrong_is_refused_with_the_lines_and_words_that_its_expectation_has(string name)
    {
        LoraException failure = Failure(name);
        foreach (JsonElement error in Members(Expected[name], "errors"))
        {
            string unit = error.TryGetProperty("row", out JsonElement row) ? "row" : "line";
            int? number = unit == "row" ? row.GetInt32() : error.GetProperty("line") is { ValueKind: JsonValueKind.Number } line ? line.GetInt32() : null;
            Assert.Contains(failure.Problems, problem =>
                Strings(error, "says").All(word => problem.Message.Contains(word, StringComparison.OrdinalIgnoreCase))
                && (number is null || Regex.IsMatch(problem.Message, $@", {unit}s? (\d+, )*{number}\b")));
        }
    }

    [Theory]
    [MemberData(nameof(OfPreferences))]
    public void Preferences_and_labels_are_refused_as_what_they_are_and_never_learned_without_the_other_half(string name)
    {
        string message = Failure(name).Message;
        Assert.Contains(Kind(Expected[name]) == "kto" ? "KTO row" : "preference row", message, StringComparison.Ordinal);
        Assert.Contains("to learn", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Messages_beside_better_and_worse_answers_are_learned_where_chats_are_asked_for()
    {
        const string Name = "preference-binarized.jsonl";
        DatasetFile file = new(Repository.Shared("datasets", Name)) { Rules = new(new() { DatasetFormat = DatasetFormat.Chat }) };
        JsonElement chat = Assert.Single(Members(Expected[Name], "alternatives"));
        Assert.Equal(
            chat.GetProperty("rows").EnumerateArray().Select(row => new JsonObject { ["messages"] = JsonNode.Parse(row.GetRawText()) }.ToJsonString()),
            DatasetReader.Read(file).Select(row => Normal(row).ToJsonString()));
        Assert.Contains("rejected", file.UnusedColumns);
    }

    [Fact]
    public void A_prompt_and_its_completion_are_messages_where_chats_are_asked_for()
    {
        const string Name = "prompt-completion.jsonl";
        JsonElement chat = Assert.Single(Members(Expected[Name], "alternatives"));
        Assert.Equal(
            chat.GetProperty("rows").EnumerateArray().Select(row => new JsonObject { ["messages"] = JsonNode.Parse(row.GetRawText()) }.ToJsonString()),
            DatasetReader.Read(new(Repository.Shared("datasets", Name)) { Rules = new(new() { DatasetFormat = DatasetFormat.Chat }) }).Select(row => Normal(row).ToJsonString()));
    }

    [Fact]
    public void Instructions_are_written_by_the_prompt_of_Alpaca_where_it_is_asked_for()
    {
        const string Name = "alpaca.jsonl";
        string template = Assert.Single(Members(Expected[Name], "alternatives")).GetProperty("template").GetString()!;
        string With(string instruction, string input) => Regex.Replace(template, @"\[(.*?)\]", input.Length > 0 ? "$1" : "", RegexOptions.Singleline)
            .Replace("{instruction}", instruction, StringComparison.Ordinal).Replace("{input}", input, StringComparison.Ordinal);
        Assert.Equal(
            [
                new CompletionRow(1, With("Put the words in order.", "pear, apple"), "apple, pear"),
                new CompletionRow(2, With("Name a river.", ""), "The Ale."),
                new CompletionRow(3, With("Count the letters.", "moss"), "4"),
            ],
            DatasetReader.Read(new(Repository.Shared("datasets", Name)) { Rules = new(new() { DatasetFormat = DatasetFormat.Alpaca }) }));
    }

    /// <summary>A row in the form of the expectations.</summary>
    private static JsonObject Normal(DatasetRow row)
    {
        switch (row)
        {
            case TextRow text:
                return new() { ["text"] = text.Text };
            case CompletionRow pair:
                return new() { ["prompt"] = pair.Prompt, ["completion"] = pair.Completion };
        }

        ChatRow chat = (ChatRow)row;
        JsonObject normal = new() { ["messages"] = new JsonArray([.. chat.Turns.Select(Normal)]) };
        if (chat.Tools is JsonElement tools)
        {
            normal["tools"] = JsonNode.Parse(tools.GetRawText());
        }

        return normal;
    }

    private static JsonNode Normal(ChatTurn turn)
    {
        // The message as it is spooled, which has its own test.
        System.Buffers.ArrayBufferWriter<byte> json = new();
        DatasetRowJson.Write(json, new ChatRow(1, [turn]));
        JsonObject message = JsonNode.Parse(json.WrittenSpan)!["turns"]![0]!["message"]!.AsObject();
        JsonObject normal = [];
        foreach ((string key, string name) in new[] { ("role", "role"), ("content", "content"), ("name", "name"), ("tool_calls", "tool_calls"), ("tool_call_id", "tool_call_id"), ("reasoning_content", "reasoning") })
        {
            if (message.TryGetPropertyValue(key, out JsonNode? value))
            {
                normal[name] = key == "tool_calls" ? new JsonArray([.. value!.AsArray().Select(call => Call(call!))]) : value!.DeepClone();
            }
        }

        if (turn.IsLearned is bool learned)
        {
            normal["weight"] = learned ? 1 : 0;
        }

        return normal;
    }

    private static JsonObject Call(JsonNode call)
    {
        Assert.Equal("function", (string?)call["type"]);
        JsonObject normal = call["id"] is JsonNode id ? new() { ["id"] = id.DeepClone() } : [];
        normal["name"] = call["function"]!["name"]!.DeepClone();
        normal["arguments"] = call["function"]!["arguments"]!.DeepClone();
        return normal;
    }

    private static LoraException Failure(string name)
    {
        string path = Repository.Shared("datasets", name);
        return Assert.Throws<LoraException>(() => DatasetReader.Read(new(path)).ToList());
    }

    private static string Kind(JsonElement entry) => entry.GetProperty("kind").GetString()!;

    private static JsonElement[] Members(JsonElement entry, string name) => entry.TryGetProperty(name, out JsonElement list) ? [.. list.EnumerateArray()] : [];

    private static IEnumerable<string> Strings(JsonElement entry, string name) => Members(entry, name).Select(member => member.GetString()!);

    private static IEnumerable<string> Names(params string[] kinds) => Expected.Where(entry => kinds.Contains(Kind(entry.Value))).Select(entry => entry.Key);

    private static Dictionary<string, JsonElement> Read()
    {
        // Without the folder there is one row without a name, whose test is skipped.
        string path = Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", "datasets", "expected.json"));
        return File.Exists(path) ? JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(File.ReadAllBytes(path))! : [];
    }
}
