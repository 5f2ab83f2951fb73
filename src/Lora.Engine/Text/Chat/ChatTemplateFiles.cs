using System.Text.Json;
using Lora.Checkpoints;

namespace Lora.Text;

/// <summary>Where a model's folder keeps its chat template and the special tokens that the template names.</summary>
internal static class ChatTemplateFiles
{
    public const string Default = "default";

    private const string Key = "chat_template";
    private const string Configuration = "tokenizer_config.json";
    private const int LongestTemplate = 1 << 20; // the longest in use have 20 KB

    private static readonly string[] Tokens = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    /// <summary>The templates of a folder by name, and the file that they are from.</summary>
    public static (string Path, IReadOnlyDictionary<string, string> Templates) Find(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw LoraException.Of(LoraError.PathNotFound, folder, folder);
        }

        string root = Path.GetFullPath(folder);
        string jinja = Path.Combine(root, "chat_template.jinja");
        if (File.Exists(jinja))
        {
            return (jinja, new Dictionary<string, string> { [Default] = ReadText(jinja) });
        }

        foreach (string file in new[] { Path.Combine(root, Configuration), Path.Combine(root, "chat_template.json") })
        {
            if (File.Exists(file) && TokenizerFile.Read(file).Optional(Key) is TokenizerNode template)
            {
                return (file, Named(template));
            }
        }

        throw LoraException.Of(LoraError.ChatTemplateMissing, folder, folder);
    }

    /// <summary>The special tokens that tokenizer_config.json names, or special_tokens_map.json where it does not.</summary>
    public static Dictionary<string, string> SpecialTokens(string folder)
    {
        Dictionary<string, string> found = new(StringComparer.Ordinal);
        foreach (string file in new[] { Configuration, "special_tokens_map.json" }.Select(name => Path.Combine(folder, name)).Where(File.Exists))
        {
            TokenizerNode root = TokenizerFile.Read(file);
            foreach (string name in Tokens)
            {
                if (root.Optional(name) is TokenizerNode token)
                {
                    found.TryAdd(name, token.Element.ValueKind == JsonValueKind.Object ? token.Text("content") : token.Text());
                }
            }
        }

        return found;
    }

    private static Dictionary<string, string> Named(TokenizerNode template)
    {
        Dictionary<string, string> named = new(StringComparer.Ordinal);
        if (template.Element.ValueKind == JsonValueKind.String)
        {
            named[Default] = template.Text();
            return named;
        }

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
