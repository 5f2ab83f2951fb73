using System.Text.Json;

namespace Lora.Tests.Text.Chat;

/// <summary>The templates that come with the engine, beside those of the models that they are for.</summary>
public sealed class KnownTemplateTests
{
    private static readonly Dictionary<string, string> Tokens = new() { ["bos_token"] = "<s>", ["eos_token"] = "</s>" };

    private static readonly ChatMessage[] Talk = [new("system", "Be kind."), new("user", " Q1 "), new("assistant", "A1"), new("user", "Q2"), new("assistant", "A2")];

    // What a template's model does not have stands aside: phi3's drops an empty system message, mistral's the system message of all but the last question.
    public static TheoryData<string, string, string> References { get; } = new()
    {
        { "chatml", "chatml", "user sys multi multi_nosys tools bad think" },
        { "chatml", "chatml-generation", "user sys multi multi_nosys tools bad think" },
        { "gemma", "cfg-gemma3", "user sys multi multi_nosys tools think" },
        { "llama3", "cfg-llama3", "user sys think" },
        { "mistral", "mistralai-Mistral-Nemo-Instruct-2407.jinja", "user sys multi_nosys think" },
        { "phi3", "microsoft-Phi-3.5-mini-instruct.jinja", "user sys multi multi_nosys tools bad think" },
    };

    [Theory]
    [MemberData(nameof(References))]
    public void A_template_writes_conversations_as_its_models_do(string name, string reference, string cases)
    {
        JsonElement golden = JsonDocument.Parse(File.ReadAllText(Repository.Shared("chat", "golden.json"))).RootElement;
        ChatTemplate template = Known(name);
        Assert.All(cases.Split(' '), at =>
        {
            JsonElement given = golden.GetProperty("cases").GetProperty(at);
            Assert.Equal(
                golden.GetProperty("out").GetProperty(reference).GetProperty(at).GetProperty("ok").GetString(),
                template.Render([.. given.GetProperty("messages").EnumerateArray().Select(ChatMessage.FromJson)], null, given.GetProperty("add_generation_prompt").GetBoolean()).Text);
        });
    }

    [Theory]
    [InlineData("alpaca", "<s>Be kind.\n\n### Instruction:\n Q1 \n\n### Response:\nA1</s>\n\n### Instruction:\nQ2\n\n### Response:\nA2</s>\n\n")]
    [InlineData("llama2", "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nQ1 [/INST] A1 </s><s>[INST] Q2 [/INST] A2 </s>")]
    [InlineData("mistral", "<s>[INST]Be kind.\n\n Q1 [/INST]A1</s>[INST]Q2[/INST]A2</s>")]
    [InlineData("vicuna", "<s>Be kind. USER:  Q1  ASSISTANT: A1</s>USER: Q2 ASSISTANT: A2</s>")]
    [InlineData("zephyr", "<|system|>\nBe kind.</s>\n<|user|>\n Q1 </s>\n<|assistant|>\nA1</s>\n<|user|>\nQ2</s>\n<|assistant|>\nA2</s>\n")]
    public void A_template_writes_its_format(string name, string text) => Assert.Equal(text, Known(name).Render(Talk).Text);

    [Fact]
    public void Each_begins_an_answer_as_it_writes_one() => Assert.All(ChatTemplate.KnownNames, name =>
    {
        ChatTemplate template = Known(name);
        string asked = template.Render(Talk[..2], addGenerationPrompt: true).Text;
        Assert.StartsWith(asked, template.Render(Talk[..3]).Text, StringComparison.Ordinal);
    });

    [Fact]
    public void None_drops_a_role_in_silence() => Assert.All(ChatTemplate.KnownNames, name =>
    {
        ChatMessage[] talk = [new("user", "Q"), new("tool", "found"), new("assistant", "A")];
        try
        {
            Assert.Contains("found", Known(name).Render(talk).Text, StringComparison.Ordinal);
        }
        catch (LoraException failure)
        {
            Assert.Contains("a message of the role tool has no place", failure.Message, StringComparison.Ordinal);
        }
    });

    private static ChatTemplate Known(string name) => ChatTemplate.Parse(Lora.Text.KnownTemplates.Text(name), Tokens, name);
}
