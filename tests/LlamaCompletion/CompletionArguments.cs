using System.Globalization;

namespace Lora.Tests.Llama;

/// <summary>What llama-completion is asked for. Arguments that are not known here are refused, so that no line of a page says what nobody ran.</summary>
/// <param name="Model">The model's file.</param>
/// <param name="Adapter">The adapter's file; null for none.</param>
/// <param name="Prompt">The text that is gone on.</param>
/// <param name="Count">Tokens that are said at the most.</param>
internal sealed record CompletionArguments(string Model, string? Adapter, string Prompt, int Count)
{
    private const string ModelName = "-m";
    private const string AdapterName = "--lora";
    private const string PromptName = "-p";
    private const string CountName = "-n";
    private const string TemperatureName = "--temp";
    private const string NoChat = "-no-cnv";

    private static readonly Dictionary<string, string> LongNames = new(StringComparer.Ordinal)
    {
        ["--model"] = ModelName,
        ["--prompt"] = PromptName,
        ["--predict"] = CountName,
        ["--n-predict"] = CountName,
        ["--temperature"] = TemperatureName,
        ["--no-conversation"] = NoChat,
    };

    /// <summary>Reads a command line.</summary>
    /// <exception cref="ArgumentException">An argument that is not known, or one that is missing.</exception>
    public static CompletionArguments Parse(IReadOnlyList<string> arguments)
    {
        Dictionary<string, string> given = new(StringComparer.Ordinal);
        for (int index = 0; index < arguments.Count; index++)
        {
            string name = LongNames.GetValueOrDefault(arguments[index], arguments[index]);
            given[name] = name switch
            {
                NoChat => "",
                ModelName or AdapterName or PromptName or CountName or TemperatureName when index + 1 < arguments.Count => arguments[++index],
                _ => throw new ArgumentException($"llama-completion is not run with '{arguments[index]}' here."),
            };
        }

        // What is drawn at random, and a chat in a terminal, cannot be compared.
        string[] missing = [.. new[] { ModelName, PromptName, CountName, TemperatureName, NoChat }.Where(name => !given.ContainsKey(name))];
        return missing.Length > 0 ? throw new ArgumentException($"llama-completion is not run without {string.Join(", ", missing)} here.")
            : given[TemperatureName] != "0" ? throw new ArgumentException($"llama-completion is not run with {TemperatureName} {given[TemperatureName]} here, but with 0.")
            : new(given[ModelName], given.GetValueOrDefault(AdapterName), given[PromptName], int.Parse(given[CountName], CultureInfo.InvariantCulture));
    }
}
