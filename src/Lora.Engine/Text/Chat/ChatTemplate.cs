using System.Text.Json;
using Lora.Text;
using Lora.Text.Jinja;

namespace Lora;

/// <summary>
/// How a model wants conversations written: its chat template, a Jinja2 text, rendered as Hugging Face transformers does (apply_chat_template).
/// A template comes with a downloaded model: it reaches nothing but what it is given, and has bounded time, depth and memory.
/// </summary>
public sealed class ChatTemplate
{
    private const string ToolUse = "tool_use";

    private readonly JinjaTemplate template;
    private readonly JinjaTemplate? toolUse;
    private readonly IReadOnlyDictionary<string, Value> specialTokens; // which do not change

    private ChatTemplate(string path, string text, string? toolUse, IReadOnlyDictionary<string, Value> specialTokens)
    {
        Path = path;
        Text = text;
        this.specialTokens = specialTokens;
        template = Read(text);
        this.toolUse = toolUse is null ? null : Read(toolUse);
    }

    /// <summary>The names of the templates that come with the engine, for models without one: chatml, llama3, alpaca ...</summary>
    public static IReadOnlyList<string> KnownNames => KnownTemplates.Names;

    /// <summary>The file that the template was read from, or what it was said to be.</summary>
    public string Path { get; }

    /// <summary>The Jinja2 text.</summary>
    public string Text { get; }

    /// <summary>Whether the template marks what a model is to say, by <c>{% generation %}</c>.</summary>
    public bool HasGeneration => template.HasGeneration;

    /// <summary>
    /// Reads a model's template: chat_template.jinja, else chat_template of tokenizer_config.json (a text, or a list of named ones of which "default" is
    /// taken, and "tool_use" where there are tools; with additional_chat_templates beside it), else chat_template.json; and its special tokens from tokenizer_config.json.
    /// </summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="template">Another template in place of the model's own: a name of <see cref="KnownNames"/>, the path of a file (a Jinja text, or JSON
    /// with a chat_template), or of the folder of another model; null for the model's own.</param>
    /// <exception cref="LoraException"><see cref="LoraError.PathNotFound"/>, <see cref="LoraError.ChatTemplateMissing"/>,
    /// <see cref="LoraError.ChatTemplateInvalid"/>, <see cref="LoraError.TokenizerInvalid"/> or <see cref="LoraError.FileUnreadable"/>.</exception>
    public static ChatTemplate Load(string folder, string? template = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        (string path, IReadOnlyDictionary<string, string> templates) = ChatTemplateFiles.Find(template ?? folder);
        return Of(path, templates, folder);
    }

    /// <summary>The template of named ones that is used.</summary>
    /// <param name="path">Where they are from.</param>
    /// <param name="templates">The texts by name.</param>
    /// <param name="folder">The folder of the tokenizer, which names special tokens.</param>
    internal static ChatTemplate Of(string path, IReadOnlyDictionary<string, string> templates, string folder)
    {
        return templates.TryGetValue(ChatTemplateFiles.Default, out string? text)
            ? new ChatTemplate(path, text, templates.GetValueOrDefault(ToolUse), ChatTemplateFiles.SpecialTokens(folder))
            : throw LoraException.Of(LoraError.ChatTemplateInvalid, path, path, 1, $"it has the templates {string.Join(", ", templates.Keys.Order(StringComparer.Ordinal))}, and none named default");
    }

    /// <summary>A template of a text.</summary>
    /// <param name="text">The Jinja2 text.</param>
    /// <param name="specialTokens">The tokens that it may name, by names such as bos_token and eos_token.</param>
    /// <param name="path">What failures call it.</param>
    /// <exception cref="LoraException"><see cref="LoraError.ChatTemplateInvalid"/>, with the line.</exception>
    public static ChatTemplate Parse(string text, IReadOnlyDictionary<string, string>? specialTokens = null, string path = "the chat template")
    {
        ArgumentNullException.ThrowIfNull(text);
        return new ChatTemplate(path, text, null, (specialTokens ?? new Dictionary<string, string>()).ToDictionary(token => token.Key, token => (Value)new TextValue(token.Value)));
    }

    /// <summary>Writes a conversation.</summary>
    /// <param name="messages">The turns.</param>
    /// <param name="tools">A JSON array of tools, each described by a JSON schema; null for none.</param>
    /// <param name="addGenerationPrompt">Whether the text ends with what begins an answer.</param>
    /// <param name="variables">What else the template reads, <c>enable_thinking</c> for example.</param>
    /// <param name="clock">The time that templates write into a system prompt; the machine's own when absent.</param>
    /// <param name="cancellation">Stops a long rendering.</param>
    /// <exception cref="LoraException"><see cref="LoraError.ChatTemplateFailed"/>: the template refuses the conversation, does what Python would not, or
    /// takes more time, depth or memory than a template may. <see cref="LoraError.ChatMessageInvalid"/>.</exception>
    /// <exception cref="OperationCanceledException">The rendering was cancelled.</exception>
    public ChatRendering Render(
        IReadOnlyList<ChatMessage> messages,
        JsonElement? tools = null,
        bool addGenerationPrompt = false,
        IReadOnlyDictionary<string, JsonElement>? variables = null,
        TimeProvider? clock = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        Dictionary<string, Value> given = new(specialTokens, StringComparer.Ordinal);
        Value toolList = tools is JsonElement list ? ChatValues.Of(list, "tools") : NoneValue.Instance;
        // transformers gives templates both, None where there are none, so they are defined.
        given["tools"] = toolList;
        given["documents"] = NoneValue.Instance;
        given["add_generation_prompt"] = BooleanValue.Of(addGenerationPrompt);
        foreach ((string name, JsonElement value) in variables ?? new Dictionary<string, JsonElement>())
        {
            given[name] = ChatValues.Of(value, name);
        }

        // As transformers' get_chat_template chooses of a model's several templates.
        JinjaTemplate used = toolUse is not null && toolList is not NoneValue ? toolUse : template;
        try
        {
            given["messages"] = new ListValue([.. messages.Select(message => message.Fields)]);
            (string text, IReadOnlyList<Range> generated) = used.Render(given, (clock ?? TimeProvider.System).GetLocalNow(), cancellation);
            return new ChatRendering(text, used.HasGeneration ? generated : null);
        }
        catch (JinjaFailure failure)
        {
            throw LoraException.From(failure, LoraError.ChatTemplateFailed, Path, Path, failure.Line, failure.Message.TrimEnd('.'));
        }
    }

    private JinjaTemplate Read(string text)
    {
        try
        {
            return JinjaTemplate.Parse(text);
        }
        catch (JinjaFailure failure)
        {
            throw LoraException.From(failure, LoraError.ChatTemplateInvalid, Path, Path, failure.Line, failure.Message.TrimEnd('.'));
        }
    }
}
