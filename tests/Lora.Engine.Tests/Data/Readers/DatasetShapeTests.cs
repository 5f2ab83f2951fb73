using System.Text.Json;
using Lora.Data;

namespace Lora.Tests.Data;

/// <summary>Small files in the shapes that people's data has, each read as the reading that is written down for it says (../shared/datasets).</summary>
public class DatasetShapeTests
{
    // Chats are refused as what they are, and so is Parquet; what is wrong inside of them is not looked at.
    private static readonly string[] NotLookedInto =
        ["content-null.jsonl", "content-parts-image.jsonl", "role-unknown.jsonl", "tools-arguments-not-json.jsonl", "train-detail.jsonl", "parquet-empty.parquet"];

    private static readonly Dictionary<string, JsonElement> Expected = Read();

    public static TheoryData<string> Readable => [.. Names(entry => Kind(entry) is "text" or "prompt_completion").Where(name => !name.EndsWith(".parquet", StringComparison.Ordinal)).DefaultIfEmpty("")];

    public static TheoryData<string> Refused => [.. Names(entry => Kind(entry) == "error").Except(NotLookedInto).DefaultIfEmpty("")];

    public static TheoryData<string> OtherKinds => [.. Names(entry => Kind(entry) is "chat" or "kto" or "preference").DefaultIfEmpty("")];

    [Theory]
    [MemberData(nameof(Readable))]
    public void A_file_of_texts_or_of_prompts_and_completions_is_read_as_its_expectation_says(string name)
    {
        DatasetFile file = new(Repository.Shared("datasets", name));
        DatasetRow[] all = [.. DatasetReader.Read(file)];
        int[] skipped = [.. all.Where(row => Learned(row).Length == 0).Select(row => row.Line)];
        DatasetRow[] rows = [.. all.Where(row => Learned(row).Length > 0)];
        JsonElement expected = Expected[name];

        Assert.Equal(
            expected.GetProperty("rows").EnumerateArray().Select(row => (Text(row, "prompt"), Text(row, "text") ?? Text(row, "completion")!)),
            rows.Select(row => ((row as CompletionRow)?.Prompt, Learned(row))));
        Assert.Equal(expected.GetProperty("ignored").EnumerateArray().Select(column => column.GetString()), file.UnusedColumns);
        int said = expected.TryGetProperty("notices", out JsonElement notices) ? notices.GetArrayLength() : 0;
        Assert.True(file.Notices.Count >= said, $"{said} things are to be said, and {file.Notices.Count} are.");
        if (expected.TryGetProperty("lines", out JsonElement lines))
        {
            Assert.Equal(lines.EnumerateArray().Select(line => line.GetInt32()), rows.Select(row => row.Line));
        }

        if (expected.TryGetProperty("skipped", out JsonElement left))
        {
            Assert.Equal(left.EnumerateArray().Select(row => row.GetProperty("line").GetInt32()), skipped);
        }
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_file_that_is_wrong_is_refused_with_the_lines_and_words_that_its_expectation_has(string name)
    {
        LoraException failure = Failure(name);
        foreach (JsonElement error in Expected[name].GetProperty("errors").EnumerateArray())
        {
            string unit = error.TryGetProperty("row", out JsonElement row) ? "row" : "line";
            int? number = unit == "row" ? row.GetInt32() : error.GetProperty("line") is { ValueKind: JsonValueKind.Number } line ? line.GetInt32() : null;
            string[] words = [.. error.GetProperty("says").EnumerateArray().Select(word => word.GetString()!)];
            Assert.Contains(failure.Problems, problem =>
                words.All(word => problem.Message.Contains(word, StringComparison.OrdinalIgnoreCase))
                && (number is null || System.Text.RegularExpressions.Regex.IsMatch(problem.Message, $@", {unit}s? (\d+, )*{number}\b")));
        }
    }

    [Theory]
    [MemberData(nameof(OtherKinds))]
    public void A_file_of_chats_preferences_or_labels_is_refused_as_what_it_is_and_never_read_as_text(string name)
    {
        string kind = Kind(Expected[name]);
        string message = Failure(name).Message;
        string[] words = name.EndsWith(".parquet", StringComparison.Ordinal) ? ["Parquet"]
            : kind == "chat" ? ["chat row", "Alpaca row", "a row of questions"]
            : [kind == "kto" ? "KTO row" : "preference row"];
        Assert.Contains(words, word => message.Contains(word, StringComparison.Ordinal));
    }

    private static string Learned(DatasetRow row) => row is CompletionRow pair ? pair.Completion : ((TextRow)row).Text;

    private static LoraException Failure(string name)
    {
        string path = Repository.Shared("datasets", name);
        return Assert.Throws<LoraException>(() => DatasetReader.Read(new(path)).ToList());
    }

    private static string Kind(JsonElement entry) => entry.GetProperty("kind").GetString()!;

    private static string? Text(JsonElement row, string name) => row.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    private static IEnumerable<string> Names(Func<JsonElement, bool> takes) => Expected.Where(entry => takes(entry.Value)).Select(entry => entry.Key);

    private static Dictionary<string, JsonElement> Read()
    {
        // Without the folder there is one row without a name, whose test is skipped.
        string path = Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", "datasets", "expected.json"));
        return File.Exists(path) ? JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(File.ReadAllBytes(path))! : [];
    }
}
