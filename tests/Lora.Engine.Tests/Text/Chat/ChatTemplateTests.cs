namespace Lora.Tests.Text.Chat;

public sealed class ChatTemplateTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_text_of_tokenizer_config_is_the_template_and_its_tokens_are_known()
    {
        folder.Write("tokenizer_config.json", """{"bos_token":"<s>","eos_token":{"content":"</s>"},"chat_template":"{{ bos_token }}{{ messages[0].content }}{{ eos_token }}"}""");
        Assert.Equal("<s>Hi</s>", Rendered());
    }

    [Fact]
    public void The_additional_special_tokens_are_a_list()
    {
        folder.Write("tokenizer_config.json", """{"additional_special_tokens":["<a>",{"content":"<b>"}],"chat_template":"{{ additional_special_tokens | join(' ') }}"}""");
        Assert.Equal("<a> <b>", Rendered());
    }

    [Fact]
    public void A_file_of_its_own_comes_before_tokenizer_config()
    {
        folder.Write("tokenizer_config.json", """{"eos_token":"!","chat_template":"old"}""");
        folder.Write("chat_template.jinja", "new{{ eos_token }}\n");
        Assert.Equal("new!", Rendered());
    }

    [Fact]
    public void A_processors_file_is_read_where_there_is_no_other()
    {
        folder.Write("chat_template.json", """{"chat_template":"from the processor"}""");
        Assert.Equal("from the processor", Rendered());
    }

    [Fact]
    public void Of_named_templates_the_default_is_taken_and_tool_use_where_there_are_tools()
    {
        folder.Write("tokenizer_config.json", """{"chat_template":[{"name":"tool_use","template":"{{ tools | length }} tools"},{"name":"default","template":"plain"}]}""");
        Assert.Equal("plain", Rendered());
        Assert.Equal("2 tools", ChatTemplate.Load(folder.Path).Render([], System.Text.Json.JsonDocument.Parse("[{},{}]").RootElement).Text);
    }

    [Fact]
    public void Additional_templates_lie_in_a_folder_beside_the_one()
    {
        folder.Write("chat_template.jinja", "plain");
        Directory.CreateDirectory(Path.Combine(folder.Path, "additional_chat_templates"));
        folder.Write(Path.Combine("additional_chat_templates", "tool_use.jinja"), "{{ tools | length }} tools");
        Assert.Equal("plain", Rendered());
        Assert.Equal("2 tools", ChatTemplate.Load(folder.Path).Render([], System.Text.Json.JsonDocument.Parse("[{},{}]").RootElement).Text);
    }

    [Fact]
    public void Another_template_takes_the_place_of_the_models_and_has_its_tokens()
    {
        folder.Write("tokenizer_config.json", """{"bos_token":"<s>","chat_template":"own"}""");
        string file = folder.Write("other.jinja", "{{ bos_token }}other"), json = folder.Write("other.json", """{"chat_template":"{{ bos_token }}JSON"}""");
        Assert.Equal("<s>other", ChatTemplate.Load(folder.Path, file).Render([]).Text);
        Assert.Equal("<s>JSON", ChatTemplate.Load(folder.Path, json).Render([]).Text);
        Assert.Equal("own", ChatTemplate.Load(Path.GetDirectoryName(file)!, folder.Path).Render([]).Text);
        Assert.Equal("<s>[INST]Hi[/INST]", ChatTemplate.Load(folder.Path, "Mistral").Render([new("user", "Hi")]).Text);
    }

    [Fact]
    public void A_folder_without_a_template_is_named()
    {
        folder.Write("tokenizer_config.json", "{}");
        LoraException failure = Assert.Throws<LoraException>(() => ChatTemplate.Load(folder.Path));
        Assert.Equal(LoraError.ChatTemplateMissing, failure.Error);
        Assert.Contains(folder.Path, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Named_templates_without_a_default_are_listed()
    {
        folder.Write("tokenizer_config.json", """{"chat_template":[{"name":"rag","template":""}]}""");
        LoraException failure = Assert.Throws<LoraException>(() => ChatTemplate.Load(folder.Path));
        Assert.Equal(LoraError.ChatTemplateInvalid, failure.Error);
        Assert.Contains("rag", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\n{% if x %}", 2)]
    [InlineData("{{ 'open", 1)]
    [InlineData("a\n\n{{ x | nothing }}", 3)]
    [InlineData("{{ x is nothing }}", 1)]
    [InlineData("{% unknown %}", 1)]
    [InlineData("{% break %}", 1)]
    [InlineData("{{ 99999999999999999999 }}", 1)]
    public void What_is_not_Jinja_is_refused_with_its_line(string text, int line)
    {
        LoraException failure = Assert.Throws<LoraException>(() => ChatTemplate.Parse(text, path: "the file"));
        Assert.Equal(LoraError.ChatTemplateInvalid, failure.Error);
        Assert.Contains($"'the file' is not valid, line {line}:", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_template_raises_is_said_with_its_line()
    {
        LoraException failure = Assert.Throws<LoraException>(() => ChatTemplate.Parse("\n{{ raise_exception('Roles must alternate.') }}").Render([]));
        Assert.Equal(LoraError.ChatTemplateFailed, failure.Error);
        Assert.Contains("line 2: Roles must alternate.", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_turn_that_is_no_object_is_refused() => Assert.Equal(
        LoraError.ChatMessageInvalid, Assert.Throws<LoraException>(() => ChatMessage.FromJson(System.Text.Json.JsonDocument.Parse("[1]").RootElement)).Error);

    private string Rendered() => ChatTemplate.Load(folder.Path).Render([new("user", "Hi")]).Text;
}
