using System.Collections;
using System.Globalization;
using System.Management.Automation;
using Lora.Text;

namespace Lora.Commands;

/// <summary>Turns what says which tokens are trained into the engine's list: names and ids, alone or for modules in a table.</summary>
internal static class TrainableTokens
{
    private const string Parameter = nameof(LoraConfig.TrainableToken);

    /// <summary>The tokens in their own order.</summary>
    /// <param name="given">An id or a name, a list of them, or a table of modules with such lists.</param>
    /// <param name="model">The model whose tokenizer knows the names; null when it is not known.</param>
    /// <exception cref="LoraException">ConfigValueInvalid: what is no token of the model, all of it together.</exception>
    public static LoraTrainableToken[] Of(object given, string? model)
    {
        // Ids alone need no tokenizer, whose file may be of many megabytes.
        Lazy<Tokenizer?> tokenizer = new(() => model is null ? null : Tokenizer.Load(Directory.Exists(model) ? model : Path.GetDirectoryName(model)!));
        List<LoraProblem> problems = [];
        List<LoraTrainableToken> tokens = [];
        foreach ((string? module, object? item) in Items(given))
        {
            if (item is LoraTrainableToken token)
            {
                tokens.Add(token);
            }
            else if (IdOf(item, tokenizer) is int id)
            {
                tokens.Add(new() { Module = module, Index = id });
            }
            else
            {
                string expected = tokenizer.IsValueCreated && tokenizer.Value is Tokenizer known
                    ? $"an id, or a token of the model's vocabulary{Pieces($"{item}", known)}"
                    : "an id; names of tokens need -Model, whose tokenizer knows them";
                problems.Add(new(LoraError.ConfigValueInvalid, item, Parameter, $"'{item}'", expected));
            }
        }

        LoraException.ThrowIfAny(problems);
        return [.. tokens];
    }

    /// <summary>Refuses new tokens that the model's vocabulary has already, where the model is known.</summary>
    /// <exception cref="LoraException">ConfigValueInvalid.</exception>
    public static void CheckNew(IReadOnlyList<string>? names, string? model)
    {
        if (names is null || model is null)
        {
            return;
        }

        Tokenizer tokenizer = Tokenizer.Load(Directory.Exists(model) ? model : Path.GetDirectoryName(model)!);
        LoraException.ThrowIfAny([.. names.Where(name => tokenizer.IdOf(name) is not null).Select(name => new LoraProblem(
            LoraError.ConfigValueInvalid, name, nameof(LoraConfig.NewToken), $"'{name}', which is the token {tokenizer.IdOf(name)}", $"tokens that the vocabulary lacks; -{Parameter} trains those that it has"))]);
    }

    /// <summary>The tokens that a configuration's property held, out of a job, a file or a table.</summary>
    /// <exception cref="LoraException">ConfigValueInvalid.</exception>
    public static LoraTrainableToken[] OfProperty(object given)
    {
        List<LoraProblem> problems = [];
        List<LoraTrainableToken> tokens = [];
        foreach ((string? module, object? item) in Items(given))
        {
            try
            {
                tokens.Add(item is LoraTrainableToken token ? token
                    : item is not null && Members.Of(item, nameof(LoraTrainableToken.Index)) is object index
                        ? new() { Module = Members.Text(item, nameof(LoraTrainableToken.Module)), Index = Convert.ToInt32(index, CultureInfo.InvariantCulture) }
                    : LoraTrainableToken.Parse(module is null ? $"{item}" : $"{module}={item}"));
            }
            catch (Exception exception) when (exception is FormatException or InvalidCastException or OverflowException)
            {
                problems.Add(new(LoraError.ConfigValueInvalid, item, Parameter, $"'{item}'", "an id, or 'module=id'"));
            }
        }

        LoraException.ThrowIfAny(problems);
        return [.. tokens];
    }

    private static IEnumerable<(string? Module, object? Item)> Items(object given) => Argument.Plain(given) is IDictionary table
        ? table.Cast<DictionaryEntry>().SelectMany(entry => List(entry.Value).Select(item => ((string?)$"{entry.Key}", item)))
        : List(given).Select(item => ((string?)null, item));

    private static IEnumerable<object?> List(object? given) =>
        (LanguagePrimitives.GetEnumerable(Argument.Plain(given)) ?? new[] { given }).Cast<object?>().Select(Argument.Plain);

    // A token whose text is a number is that token; only what the vocabulary lacks is read as an id.
    private static int? IdOf(object? item, Lazy<Tokenizer?> tokenizer) => item switch
    {
        int id => id,
        long id when id is >= int.MinValue and <= int.MaxValue => (int)id,
        string text when tokenizer.Value?.IdOf(text) is int id => id,
        string text when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int id) => id,
        _ => null,
    };

    private static string Pieces(string text, Tokenizer tokenizer)
    {
        int[] ids = tokenizer.Encode(text, addSpecialTokens: false);
        return ids.Length == 0 ? "" : $"; the text is {ids.Length} tokens there: {string.Join(", ", ids)}";
    }
}
