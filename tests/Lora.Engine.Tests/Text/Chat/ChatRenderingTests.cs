using System.Text.Json;
using Lora.Data;

namespace Lora.Tests.Text.Chat;

/// <summary>Small templates of our own against what Jinja2 3.1.6 makes of them, set up as the reference library does.</summary>
public sealed class ChatRenderingTests
{
    private static readonly JsonElement Fixture = JsonDocument.Parse(File.ReadAllText(Repository.Fixture("chat", "renderings.json"))).RootElement;

    public static TheoryData<string> Names() => [.. Fixture.GetProperty("renderings").EnumerateArray().Select(rendering => rendering.GetProperty("name").GetString()!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_template_renders_as_Jinja2_does(string name)
    {
        JsonElement expected = Fixture.GetProperty("renderings").EnumerateArray().Single(rendering => rendering.GetProperty("name").GetString() == name);
        ChatTemplate template = ChatTemplate.Parse(expected.GetProperty("template").GetString()!, new Dictionary<string, string> { ["bos_token"] = "<s>" });
        ChatMessage[] messages = [.. Fixture.GetProperty("messages").EnumerateArray().Select(ChatMessage.FromJson)];
        TimeProvider clock = new StoppedClock(new DateTime(2026, 11, 24, 15, 4, 5, DateTimeKind.Utc));

        if (expected.TryGetProperty("error", out _))
        {
            Assert.Equal(LoraError.ChatTemplateFailed, Assert.Throws<LoraException>(() => template.Render(messages, addGenerationPrompt: true, clock: clock)).Error);
        }
        else
        {
            Assert.Equal(expected.GetProperty("text").GetString(), template.Render(messages, addGenerationPrompt: true, clock: clock).Text);
        }
    }

    [Fact]
    public void The_ranges_of_generation_blocks_are_those_of_the_answers()
    {
        ChatTemplate template = ChatTemplate.Parse(
            "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}</s>{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}");
        ChatRendering rendering = template.Render([new("user", "😀?"), new("assistant", "One."), new("user", "And?"), new("assistant", "Two.")]);
        Assert.Equal(["One.</s>", "Two.</s>"], rendering.Generated!.Select(range => rendering.Text[range]));
    }

    [Fact]
    public void A_template_without_generation_blocks_has_no_ranges() => Assert.Null(ChatTemplate.Parse("{{ messages[0].content }}").Render([new("user", "Hi")]).Generated);
}
