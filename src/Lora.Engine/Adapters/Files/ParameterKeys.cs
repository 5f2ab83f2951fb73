using Lora.Checkpoints;
using Lora.Selection;

namespace Lora.Adapters;

/// <summary>
/// Which parameters the tensors of an adapter are for, told from their keys and its configuration. PEFT writes the module's name alone, with one
/// <c>base_layer</c> for each parameter of the module that its class defines later; only target_parameters tells the parameters' names.
/// </summary>
internal sealed class ParameterKeys
{
    private const string Weight = "weight";

    private static readonly string[] Endings = [".lora_A.weight", ".lora_B.weight"];

    private readonly Dictionary<string, (string Module, string Parameter)> owners = new(StringComparer.Ordinal);

    /// <param name="config">The adapter's configuration.</param>
    /// <param name="keys">The keys of its tensors.</param>
    public ParameterKeys(LoraConfig config, IEnumerable<string> keys)
    {
        if (config.TargetParameter is not { Length: > 0 } entries)
        {
            return;
        }

        Lazy<TargetSelector> modules = new(() => new(config.Module is null && config.TargetModule is null && config.TargetPattern is null ? config with { TargetModule = [] } : config));
        foreach (IGrouping<string, (string Module, int Depth)> module in keys.Select(OwnerOf).OfType<string>().Distinct(StringComparer.Ordinal).Select(PeftKey.Unnested).GroupBy(owner => owner.Module))
        {
            int count = module.Max(owner => owner.Depth) + 1;
            string[] parameters = [.. ExpertParameters.InOrder(entries.Where(entry => IsOf(entry, module.Key)).Select(Last).Distinct(StringComparer.Ordinal))];
            // One pair without wrappers may be the module's own, or that of its one parameter: an entry with the module's name before the dot says the latter.
            bool isModule = count == 1 && (parameters.Length == 0 || (!entries.Any(entry => entry.Contains('.', StringComparison.Ordinal) && IsOf(entry, module.Key)) && modules.Value.Decide(module.Key).Targeted));
            if (isModule)
            {
                continue;
            }

            if (parameters.Length != count)
            {
                Unclear.Add(module.Key);
                continue;
            }

            foreach ((_, int depth) in module)
            {
                owners.Add(PeftKey.Nested(module.Key, depth), (module.Key, parameters[count - 1 - depth]));
            }
        }
    }

    /// <summary>Modules of which the configuration does not tell which of their parameters the tensors are for.</summary>
    public List<string> Unclear { get; } = [];

    /// <summary>The parameter, and its module, that a tensor's owner stands for: what stands before <c>.lora_</c>, without PEFT's prefix. Null for a module.</summary>
    public (string Module, string Parameter)? Find(string owner) => owners.TryGetValue(owner, out (string Module, string Parameter) found) ? found : null;

    /// <summary>The dotted name of what a tensor's owner stands for, a module's or a parameter's: what patterns of ranks and alphas are held to.</summary>
    public string NameOf(string owner) => Find(owner) is (string module, string parameter) ? $"{module}.{parameter}" : owner;

    /// <summary>The name that the model's listing has for it, where the weight of a module is not listed by itself.</summary>
    public string ListedAs(string owner) => Find(owner) is (string module, Weight) ? module : NameOf(owner);

    /// <summary>What stands before the names of the tensors of parameters when these are adapted and no others.</summary>
    public static Dictionary<(string Module, string Parameter), string> Owners(IEnumerable<(string Module, string Parameter)> parameters) => parameters.GroupBy(one => one.Module).SelectMany(module =>
    {
        string[] names = [.. ExpertParameters.InOrder(module.Select(one => one.Parameter))];
        return names.Select((name, index) => KeyValuePair.Create((module.Key, name), PeftKey.Nested(module.Key, names.Length - 1 - index)));
    }).ToDictionary();

    /// <summary>The name in the model's listing of what a tensor belongs to, by its key.</summary>
    public string Of(string key) => OwnerOf(key) is string owner && Find(owner) is not null ? ListedAs(owner) : PeftKey.Module(key);

    private static string? OwnerOf(string key) => key.StartsWith(PeftKey.Prefix, StringComparison.Ordinal) && Endings.FirstOrDefault(ending => key.EndsWith(ending, StringComparison.Ordinal)) is string end
        ? key[PeftKey.Prefix.Length..^end.Length]
        : null;

    private static string Last(string entry) => entry[(entry.LastIndexOf('.') + 1)..];

    /// <summary>Whether an entry may mean a parameter of a module: what stands before its last part is the module's name or its ending.</summary>
    private static bool IsOf(string entry, string module) => entry.LastIndexOf('.') is int dot && (dot < 0 || $".{module}".EndsWith($".{entry[..dot]}", StringComparison.Ordinal));
}
