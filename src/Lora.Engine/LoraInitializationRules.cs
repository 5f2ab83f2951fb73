using System.Globalization;

namespace Lora;

/// <summary>Which initialisations the engine has, and which of PEFT's it does not.</summary>
internal static class LoraInitializationRules
{
    private const string PissaPrefix = "pissa_niter_";
    private static readonly string[] Supported = ["true", "false", "gaussian", "orthogonal", "olora", "pissa"];
    private static readonly string[] Unsupported = ["eva", "corda", "loftq", "lora_ga", "mica"];

    /// <summary>Whether A and B begin with directions of the base weight, of which there have to be as many as the rank.</summary>
    public static bool TakesWeightApart(string name) => name is "olora" or "pissa" || name.StartsWith(PissaPrefix, StringComparison.Ordinal);

    /// <summary>Whether A and B share the directions of the rank in halves.</summary>
    public static bool NeedsEvenRank(string name) => name == "orthogonal";

    public static IEnumerable<LoraProblem> Check(LoraConfig config, string source)
    {
        string name = config.Initialization;
        if (Unsupported.Contains(name))
        {
            yield return new(LoraError.AdapterFeatureUnsupported, name, source, $"the initialisation '{name}'");
        }
        else if (!IsSupported(name))
        {
            yield return new(LoraError.ConfigValueInvalid, name, nameof(config.Initialization), $"'{name}'", $"one of {string.Join(", ", Supported)}, {PissaPrefix}N");
        }

        if (config.UseLoraBias && !IsBoolean(name))
        {
            yield return new(LoraError.ConfigConflict, name, $"UseLoraBias goes with the initialisations true and false only, not with '{name}'");
        }
    }

    private static bool IsSupported(string name) =>
        IsBoolean(name)
        || name.Equals("gaussian", StringComparison.OrdinalIgnoreCase)
        || Supported.Contains(name)
        || (name.StartsWith(PissaPrefix, StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(PissaPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out _));

    private static bool IsBoolean(string name) => bool.TryParse(name, out _);
}
