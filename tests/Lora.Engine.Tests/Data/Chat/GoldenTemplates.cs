using System.Text.Json;
using Lora.Data;
using Lora.Text;

namespace Lora.Tests.Data.Chat;

/// <summary>Templates of models in use, each with a tokenizer that has its special tokens; beside the repository.</summary>
internal static class GoldenTemplates
{
    /// <summary>A template of our own in the Harmony format, which is committed with the tests.</summary>
    public const string Harmony = "harmony.jinja";

    private static readonly Dictionary<string, string> Tokens = new() { ["bos_token"] = "<s>", ["eos_token"] = "</s>" };

    private static readonly Lazy<JsonElement?> Golden = new(() =>
    {
        string file = Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", "chat", "golden.json"));
        return File.Exists(file) ? JsonDocument.Parse(File.ReadAllText(file)).RootElement : null;
    });

    public static IReadOnlyList<string> Names => Golden.Value is JsonElement golden ? [.. golden.GetProperty("templates").EnumerateObject().Select(template => template.Name)] : [];

    public static string Text(string name) => name == Harmony ? File.ReadAllText(Repository.Fixture("chat", Harmony)) : Root.GetProperty("templates").GetProperty(name).GetString()!;

    /// <summary>What the template writes of a conversation of the goldens, and where its generation blocks stand.</summary>
    public static JsonElement Out(string name, string conversation) => Root.GetProperty("out").GetProperty(name).GetProperty(conversation);

    /// <summary>A conversation of the goldens.</summary>
    public static ChatRow Row(string conversation)
    {
        JsonElement given = Root.GetProperty("cases").GetProperty(conversation);
        return new(1, [.. given.GetProperty("messages").EnumerateArray().Select(message => new ChatTurn(ChatMessage.FromJson(message)))], given.TryGetProperty("tools", out JsonElement tools) ? tools : null);
    }

    public static Tokenizer Tokenizer(string name, string fixture = "byte-level-digits") => TemplateTokenizer.With(
        TemplateTokenizer.Tokens(name == Harmony ? [Text(name)] : Root.GetProperty("out").GetProperty(name).EnumerateObject().Select(rendered => rendered.Value.TryGetProperty("ok", out JsonElement text) ? text.GetString()! : "")), fixture);

    public static ChatEncoder Encoder(string name, Tokenizer tokenizer, DataOptions? options = null) =>
        Encoder(Template(name), tokenizer, options);

    public static ChatTemplate Template(string name) => ChatTemplate.Parse(Text(name), Tokens, name);

    public static ChatEncoder Encoder(ChatTemplate template, Tokenizer tokenizer, DataOptions? options = null) =>
        new(template, tokenizer, options ?? new(), new StoppedClock(new DateTime(2026, 11, 24, 0, 0, 0, DateTimeKind.Utc)));

    private static JsonElement Root => Repository.Shared("chat", "golden.json") is not null ? Golden.Value!.Value : default;
}
