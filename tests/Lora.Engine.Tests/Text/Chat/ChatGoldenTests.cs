using System.Text.Json;
using Lora.Data;

namespace Lora.Tests.Text.Chat;

/// <summary>Templates of models in use, each with conversations, as the reference library renders them; beside the repository.</summary>
public sealed class ChatGoldenTests
{
    private static readonly Lazy<JsonElement?> Golden = new(() =>
    {
        string file = Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", "chat", "golden.json"));
        return File.Exists(file) ? JsonDocument.Parse(File.ReadAllText(file)).RootElement : null;
    });

    private static readonly Dictionary<string, string> Tokens = new() { ["bos_token"] = "<s>", ["eos_token"] = "</s>" };

    public static TheoryData<string> Templates() =>
        Golden.Value is JsonElement golden ? [.. golden.GetProperty("templates").EnumerateObject().Select(template => template.Name)] : ["none"];

    [Theory]
    [MemberData(nameof(Templates))]
    public void A_template_renders_every_conversation_as_the_reference_does(string name)
    {
        Repository.Shared("chat", "golden.json");
        JsonElement golden = Golden.Value!.Value;
        ChatTemplate template = ChatTemplate.Parse(golden.GetProperty("templates").GetProperty(name).GetString()!, Tokens, name);
        Assert.All(golden.GetProperty("out").GetProperty(name).EnumerateObject(), expected =>
            Check(template, golden.GetProperty("cases").GetProperty(expected.Name), expected.Value));
    }

    private static void Check(ChatTemplate template, JsonElement given, JsonElement expected)
    {
        if (expected.TryGetProperty("err", out _))
        {
            Assert.Equal(LoraError.ChatTemplateFailed, Assert.Throws<LoraException>(() => Render(template, given)).Error);
            return;
        }

        ChatRendering rendering = Render(template, given);
        Assert.Equal(expected.GetProperty("ok").GetString(), rendering.Text);
        if (rendering.Generated is not null && expected.TryGetProperty("ind", out JsonElement ranges))
        {
            // The reference counts code points.
            Assert.Equal(
                ranges.EnumerateArray().Select(range => (range[0].GetInt32(), range[1].GetInt32())),
                rendering.Generated.Select(range => (CodePoints(rendering.Text, range.Start.Value), CodePoints(rendering.Text, range.End.Value))));
        }
    }

    private static ChatRendering Render(ChatTemplate template, JsonElement given) => template.Render(
        [.. given.GetProperty("messages").EnumerateArray().Select(ChatMessage.FromJson)],
        given.TryGetProperty("tools", out JsonElement tools) ? tools : null,
        given.GetProperty("add_generation_prompt").GetBoolean(),
        given.EnumerateObject().Where(member => member.Name is not ("messages" or "tools" or "add_generation_prompt")).ToDictionary(member => member.Name, member => member.Value),
        new StoppedClock(new DateTime(2026, 11, 24, 0, 0, 0, DateTimeKind.Utc)));

    private static int CodePoints(string text, int index) => text[..index].EnumerateRunes().Count();
}
