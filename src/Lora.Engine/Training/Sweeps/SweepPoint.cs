using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Lora.Adapters;

namespace Lora.Training;

/// <summary>One training of a sweep.</summary>
/// <param name="Parameter">The values that tell it from others, by the names of parameters, in their order.</param>
/// <param name="Config">What is adapted; it knows its model.</param>
/// <param name="Data">What is read.</param>
/// <param name="Options">How it trains; where it writes is the sweep's.</param>
public sealed partial record SweepPoint(OrderedDictionary<string, object?> Parameter, LoraConfig Config, TrainingData Data, TrainingOptions Options)
{
    /// <summary>The parameter that stands for a whole configuration.</summary>
    public const string ConfigKey = "Config";

    private const int LongestName = 60;
    private const int HashLength = 8;

    /// <summary>
    /// What it is called, and its folder in that of the sweep: <c>rank-8_learningrate-0.0001</c>. It hangs on the point's own values alone; where they do not
    /// fit into a short name, the first digits of their hash tell it from others.
    /// </summary>
    public string Name { get; } = NameOf(Parameter, Config);

    /// <summary>A value as names and tables show it.</summary>
    public static string TextOf(object? value) => value switch
    {
        string text => text,
        System.Collections.IEnumerable list => string.Join('+', list.Cast<object?>().Select(TextOf)),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    /// <inheritdoc/>
    public override string ToString() => Parameter.Count == 0 ? Config.ToString() : string.Join(", ", Parameter.Select(entry => $"{entry.Key} {TextOf(entry.Value)}"));

    private static string NameOf(OrderedDictionary<string, object?> parameter, LoraConfig config)
    {
        string whole = parameter.Count == 0 ? "point" : string.Join('_', parameter.Select(entry => $"{entry.Key.ToLowerInvariant()}-{Distinct(entry.Value)}"));
        // Some file systems know no case, so that what has capitals has a hash too.
        string safe = Unsafe().Replace(whole.ToLowerInvariant(), "-");
        if (safe == whole && safe.Length <= LongestName && !parameter.ContainsKey(ConfigKey))
        {
            return safe;
        }

        // Without its model: one that was moved is the same model.
        string all = parameter.ContainsKey(ConfigKey) ? whole + AdapterConfigJson.Write(config with { Model = null, BaseModelNameOrPath = null }) : whole;
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all)))[..HashLength];
        return $"{safe[..Math.Min(safe.Length, LongestName - HashLength - 1)].TrimEnd('-', '.', '_')}-{hash}";
    }

    /// <summary>A value in small letters, where it is no text of which another may differ by its case alone.</summary>
    private static string Distinct(object? value) => value switch
    {
        string text => text,
        System.Collections.IEnumerable list => string.Join('+', list.Cast<object?>().Select(Distinct)),
        _ => TextOf(value).ToLowerInvariant(),
    };

    [GeneratedRegex("[^a-z0-9.+_-]+")]
    private static partial Regex Unsafe();
}
