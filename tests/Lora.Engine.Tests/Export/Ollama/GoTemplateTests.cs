using Lora.Export;

namespace Lora.Tests.Export;

/// <summary>Templates of Go are told from chat templates, and write the same.</summary>
public sealed class GoTemplateTests
{
    private const string ChatMl = "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    private static readonly ChatMessage[] Conversation = [new("system", "Be brief."), new("user", "Hello?"), new("assistant", "Yes."), new("user", "  And {{ now }}?\n"), new("assistant", ""), new("user", "Bye")];

    [Fact]
    public void A_template_of_message_after_message_is_told_and_written_as_Go_has_it() => Assert.Equal(
        "{{ range $index, $message := .Messages }}"
        + "{{ if eq $message.Role \"system\" }}<|im_start|>system\n{{ $message.Content }}<|im_end|>\n{{ end }}"
        + "{{ if eq $message.Role \"user\" }}<|im_start|>user\n{{ $message.Content }}<|im_end|>\n<|im_start|>assistant\n{{ end }}"
        + "{{ if eq $message.Role \"assistant\" }}{{ $message.Content }}<|im_end|>\n{{ end }}{{ end }}",
        GoTemplate.Of(ChatTemplate.Parse(ChatMl), begin: null)!.ToString());

    [Theory]
    [InlineData("chatml")]
    [InlineData("llama3")]
    [InlineData("gemma")]
    [InlineData("mistral")]
    [InlineData("phi3")]
    [InlineData("alpaca")]
    [InlineData("zephyr")]
    public void Conversations_that_it_was_not_told_from_are_written_as_the_chat_template_writes_them(string name)
    {
        Assert.SkipUnless(ChatTemplate.KnownNames.Contains(name), $"There is no template '{name}'.");
        ChatTemplate template = ChatTemplate.Load(Path.Combine(Repository.Root, "examples/model"), name);
        GoTemplate? told = GoTemplate.Of(template, begin: null);
        Assert.NotNull(told);

        foreach (ChatMessage[] messages in new[] { Conversation, Conversation[1..], Conversation[1..2] }.Where(messages => told.HasSystem || messages[0].Role != "system"))
        {
            ChatMessage[] plain = [.. messages.Select(message => new ChatMessage(message.Role!, message.Content!.Trim() + "."))]; // Go's templates trim nothing
            Assert.Equal(template.Render(plain, addGenerationPrompt: true).Text, told.Render(plain));
        }
    }

    [Fact]
    public void A_system_message_of_the_template_s_own_stands_where_there_is_no_other()
    {
        ChatTemplate template = ChatTemplate.Parse("{% if messages[0].role != 'system' %}[sys]Own[/sys]{% endif %}{% for m in messages %}{% if m.role == 'system' %}[sys]{{ m.content }}[/sys]{% else %}<{{ m.role }}>{{ m.content }}</>{% endif %}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}");

        GoTemplate told = GoTemplate.Of(template, null)!;

        Assert.Equal("[sys]Own[/sys]<user>a</><assistant>", told.Render([new("user", "a")]));
        Assert.Equal("[sys]b[/sys]<user>a</><assistant>", told.Render([new("system", "b"), new("user", "a")]));
        Assert.Contains("{{ if and (eq $index 0) (ne $message.Role \"system\") }}[sys]Own[/sys]", told.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_tokenizer_puts_before_a_text_is_not_written_twice() =>
        Assert.StartsWith("<user>", GoTemplate.Of(ChatTemplate.Parse("<s>{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"), "<s>")!.Render([new("user", "a")]), StringComparison.Ordinal);

    [Theory]
    [InlineData("{% for m in messages %}{% if loop.last %}LAST{% endif %}<{{ m.role }}{{ loop.index }}>{{ m.content }}{% endfor %}")] // what it writes hangs on the number
    [InlineData("{{ messages[-1].content }}")] // leaves messages out
    [InlineData("{% for m in messages %}{{ '{{' }}{{ m.role }}{{ m.content }}{% endfor %}")] // no text of Go's
    [InlineData("{{ raise_exception('never') }}")]
    public void What_is_more_than_message_after_message_is_not_told(string template) => Assert.Null(GoTemplate.Of(ChatTemplate.Parse(template), null));
}
