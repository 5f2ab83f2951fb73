using System.Text.Json;
using Lora.Checkpoints;
using Lora.Text.Jinja;

namespace Lora.Text;

/// <summary>Where chat templates are: with the engine, in files, and in models' folders, beside the special tokens that they name.</summary>
internal static class ChatTemplateFiles
{
    /// <summary>The name of the file that holds nothing but a template.</summary>
    public const string FileName = "chat_template.jinja";

    /// <summary>The name of the file in which processors keep one.</summary>
    public const string ProcessorName = "chat_template.json";

    /// <summary>The template that is used where none is asked for by name.</summary>
    public const string Default = "default";

    private const string Key = "chat_template";
    private const string Configuration = "tokenizer_config.json";
    private const int LongestTemplate = 1 << 20; // the longest in use have 20 KB
    private const string Additional = "additional_special_tokens";

    // transformers' SPECIAL_TOKENS_ATTRIBUTES: a template may name each of them.
    private static readonly string[] Tokens = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    /// <summary>Whether a template is well known, or a file or folder is there.</summary>
    public static bool IsThere(string place) => KnownTemplates.Has(place) || Path.Exists(place);

    /// <summary>
    /// The templates by name that a place has, and what they are from. A place is a well-known name, a model's folder, a Jinja text, or a JSON file
    /// with a chat_template.
    /// </summary>
    /// <exception cref="LoraException"><see cref="LoraError.PathNotFound"/>, <see cref="LoraError.ChatTemplateMissing"/>,
    /// <see cref="LoraError.TokenizerInvalid"/> or <see cref="LoraError.FileUnreadable"/>.</exception>
    public static (string Path, IReadOnlyDictionary<string, string> Templates) Find(string place) =>
        KnownTemplates.Has(place) ? (place, Single(KnownTemplates.Text(place)))
        : File.Exists(place) ? OfFile(Path.GetFullPath(place)) ?? throw LoraException.Of(LoraError.ChatTemplateMissing, place, place)
        : !Directory.Exists(place) ? throw LoraException.Of(LoraError.PathNotFound, place, place)
        : OfFolder(place) ?? throw LoraException.Of(LoraError.ChatTemplateMissing, place, place);

    /// <summary>The templates of a model's folder; null where it has none.</summary>
    public static (string Path, IReadOnlyDictionary<string, string> Templates)? OfFolder(string folder)
    {
        string root = Path.GetFullPath(folder);
        string jinja = Path.Combine(root, FileName);
        if (File.Exists(jinja))
        {
            Dictionary<string, string> named = Single(ReadText(jinja));
            string others = Path.Combine(root, "additional_chat_templates");
            foreach (string file in Directory.Exists(others) ? Directory.GetFiles(others, "*.jinja") : [])
            {
                named.TryAdd(Path.GetFileNameWithoutExtension(file), ReadText(file));
            }

            return (jinja, named);
        }

        return new[] { Path.Combine(root, Configuration), Path.Combine(root, ProcessorName) }.Where(File.Exists).Select(OfFile).FirstOrDefault(found => found is not null);
    }

    /// <summary>The template that lies beside an adapter; null where none does.</summary>
    public static string? OfAdapter(string folder) => Path.Combine(folder, FileName) is string file && File.Exists(file) ? ReadText(file) : null;

    /// <summary>The special tokens that tokenizer_config.json names, or special_tokens_map.json where it does not.</summary>
    public static Dictionary<string, Value> SpecialTokens(string folder)
    {
        Dictionary<string, Value> found = new(StringComparer.Ordinal);
        foreach (string file in new[] { Configuration, "special_tokens_map.json" }.Select(name => Path.Combine(folder, name)).Where(File.Exists))
        {
            TokenizerNode root = TokenizerFile.Read(file);
            foreach (string name in Tokens)
            {
                if (root.Optional(name) is TokenizerNode token)
                {
                    found.TryAdd(name, Text(token));
                }
            }

            if (root.Optional(Additional)?.Element.ValueKind == JsonValueKind.Array)
            {
                found.TryAdd(Additional, new ListValue([.. root.Items(Additional).Select(Text)]));
            }
        }

        return found;

        static TextValue Text(TokenizerNode token) => new(token.Element.ValueKind == JsonValueKind.Object ? token.Text("content") : token.Text());
    }

    private static (string Path, IReadOnlyDictionary<string, string> Templates)? OfFile(string file) =>
        !file.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? (file, Single(ReadText(file)))
        : TokenizerFile.Read(file).Optional(Key) is TokenizerNode template ? (file, Named(template))
        : null;

    private static Dictionary<string, string> Single(string text) => new(StringComparer.Ordinal) { [Default] = text };

    private static Dictionary<string, string> Named(TokenizerNode template)
    {
        if (template.Element.ValueKind == JsonValueKind.String)
        {
            return Single(template.Text());
        }

        Dictionary<string, string> named = new(StringComparer.Ordinal);
        foreach (TokenizerNode item in template.Items())
        {
            named[item.Text("name")] = item.Text("template");
        }

        return named;
    }

    private static string ReadText(string file)
    {
        try
        {
            using StreamReader reader = new(RegularFile.Open(file, LongestTemplate));
            return reader.ReadToEnd();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw LoraException.From(exception, LoraError.FileUnreadable, file, file, exception.Message);
        }
    }
}
