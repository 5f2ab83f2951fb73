using System.Globalization;
using System.Text;
using System.Text.Json;
using Lora.Text;

namespace Lora.Export;

/// <summary>
/// What Ollama makes a model of (its docs/modelfile.md): the file of weights, the template of conversations, what ends an answer, and the numbers by which
/// tokens are drawn that generation_config.json recommends. No ADAPTER: Ollama takes none since 0.34.1.
/// </summary>
internal static class Modelfile
{
    /// <summary>Its name.</summary>
    public const string Name = "Modelfile";

    private const string Quotes = "\"\"\"";

    private static readonly (string Key, string Parameter)[] Recommended =
        [("temperature", "temperature"), ("top_k", "top_k"), ("top_p", "top_p"), ("min_p", "min_p"), ("repetition_penalty", "repeat_penalty")];

    /// <summary>Writes it.</summary>
    /// <param name="weights">The name of the file of weights beside it.</param>
    /// <param name="folder">The base model's folder.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="template">The template; null to leave it to Ollama.</param>
    /// <param name="turnEnds">The tokens that end the assistant's turn.</param>
    /// <param name="system">The system message of every conversation; null for none.</param>
    /// <exception cref="LoraException">ConfigConflict: the system message has three quotation marks in a row.</exception>
    public static string Of(string weights, string folder, Tokenizer tokenizer, GoTemplate? template, IEnumerable<int> turnEnds, string? system)
    {
        StringBuilder text = new();
        text.Append("FROM ./").Append(weights).Append('\n');
        if (template is not null)
        {
            text.Append("TEMPLATE ").Append(Quotes).Append(template).Append(Quotes).Append('\n');
        }

        IEnumerable<int> ends = turnEnds.Concat(SpecialTokenNames.Ids(folder, "eos_token_id"));
        foreach (string stop in (tokenizer.EndOfSequenceId is int end ? ends.Append(end) : ends).Where(id => id < tokenizer.VocabularySize).Select(tokenizer.Spell).Where(stop => stop.Length > 0 && !stop.Contains('"')).Distinct())
        {
            text.Append("PARAMETER stop \"").Append(stop).Append("\"\n");
        }

        foreach ((string parameter, double value) in Numbers(folder))
        {
            text.Append(CultureInfo.InvariantCulture, $"PARAMETER {parameter} {value}\n");
        }

        if (system is not null)
        {
            string quoted = system.Contains(Quotes, StringComparison.Ordinal) || system.EndsWith('"')
                ? throw LoraException.Of(LoraError.ConfigConflict, system, "the system message ends with a quotation mark or has three of them in a row, which a Modelfile cannot hold")
                : system;
            text.Append("SYSTEM ").Append(Quotes).Append(quoted).Append(Quotes).Append('\n');
        }

        return text.ToString();
    }

    private static IEnumerable<(string Parameter, double Value)> Numbers(string folder)
    {
        string file = Path.Combine(folder, "generation_config.json");
        if (!File.Exists(file))
        {
            yield break;
        }

        TokenizerNode root = TokenizerFile.Read(file);
        foreach ((string key, string parameter) in Recommended)
        {
            if (root.Optional(key) is TokenizerNode { Element: { ValueKind: JsonValueKind.Number } number })
            {
                yield return (parameter, number.GetDouble());
            }
        }
    }
}
