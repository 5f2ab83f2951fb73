using System.Text.Json;

namespace Lora.Tests.Generation;

/// <summary>Rows as prompts: what training learns of them is left out, and the rest is asked.</summary>
public class PromptReadingTests
{
    [Theory]
    [InlineData("""{"prompt":"p","completion":"c"}""", "p")]
    [InlineData("""{"prompt":"p"}""", "p")]
    [InlineData("""{"text":"t"}""", "t")]
    [InlineData("""{"content":"t","other":1}""", "t")]
    public void A_prompt_and_a_text_stand_as_they_are(string json, string text) => Assert.Equal((text, true), (Read(json).Text, Read(json).Messages is null));

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"},{"role":"assistant","content":"d"}]}""", "user: a|assistant: b|user: c")]
    [InlineData("""{"conversations":[{"from":"human","value":"a"}],"system":"s"}""", "system: s|user: a")]
    [InlineData("""{"question":"q","answer":"a"}""", "user: q")]
    [InlineData("""{"question":"q"}""", "user: q")]
    [InlineData("""{"prompt":"p","answer":"a"}""", "user: p")]
    [InlineData("""{"instruction":"i","input":"about"}""", "user: i\nabout")]
    [InlineData("""{"question":"q","context":"c","history":[["a","b"]]}""", "user: a|assistant: b|user: c\n\nq")]
    public void A_conversation_ends_with_what_is_answered(string json, string messages) => Assert.Equal(messages, Shown(Read(json)));

    [Theory]
    [InlineData("""{"other":1}""", "no \"messages\"")]
    [InlineData("""{"role":"assistant","content":"b"}""", "it is one message")]
    [InlineData("""{"messages":[{"role":"assistant","content":"b"}]}""", "no message to answer")]
    [InlineData("""{"messages":[{"role":"system","content":"b"}]}""", "no message to answer")]
    [InlineData("""{"messages":[{"role":"narrator","content":"b"}]}""", "\"narrator\" is not known; it is system, user, assistant or tool.")]
    [InlineData("""{"prompt":"p","text":"t"}""", "it has \"prompt\" and \"text\", and either may be the prompt")]
    [InlineData("""{"text":"t","question":"q"}""", "it has \"question\" and \"text\", and either may be the prompt")]
    [InlineData("""[1]""", "not an object")]
    public void What_cannot_be_asked_is_said(string json, string words)
    {
        LoraException failure = Assert.Throws<LoraException>(() => LoraPrompt.FromRow(JsonElement.Parse(json), 7));

        Assert.Equal(LoraError.RowInvalid, failure.Error);
        Assert.Contains(words, failure.Message, StringComparison.Ordinal);
        Assert.Contains("row 7", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_system_message_comes_before_conversations_that_have_none_and_before_no_text()
    {
        Assert.Equal("system: s|user: q", Shown(Read("""{"question":"q"}""").WithSystem("s")));
        Assert.Equal("system: t|user: q", Shown(Read("""{"question":"q","system":"t"}""").WithSystem("s")));
        Assert.Equal("p", Read("""{"prompt":"p"}""").WithSystem("s").Text);
        Assert.Equal("system: s|user: p", Shown(LoraPrompt.Of("p").AsConversation().WithSystem("s")));
    }

    private static LoraPrompt Read(string json) => LoraPrompt.FromRow(JsonElement.Parse(json));

    private static string Shown(LoraPrompt prompt) => string.Join('|', prompt.Messages!.Select(message => $"{message.Role}: {message.Content}"));
}
