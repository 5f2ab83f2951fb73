using System.Globalization;

namespace Lora;

/// <summary>Which initialisations the engine has, and which of PEFT's it does not.</summary>
internal static class LoraInitializationRules
{
    private const string PissaPrefix = "pissa_niter_";
    private static readonly string[] Supported = ["true", "false", "gaussian", "orthogonal", "olora", "pissa"];

    // Starts that change the base: corda and lora_ga take their start off it, loftq puts a quantised weight in its place.
    private static readonly string[] Unsupported = ["corda", "loftq", "lora_ga"];

    // Starts that leave the base as it is, as PEFT's lora/layer.py does for them: what was trained from one is a plain adapter, though none is begun here.
    private static readonly string[] Read = ["eva", "mica"];

    /// <summary>Whether A and B begin with directions of the base weight, of which there have to be as many as the rank.</summary>
    public static bool TakesWeightApart(string name) => name is "olora" or "pissa" || name.StartsWith(PissaPrefix, StringComparison.Ordinal);

    /// <summary>Whether A and B share the directions of the rank in halves.</summary>
    public static bool NeedsEvenRank(string name) => name == "orthogonal";

    /// <summary>Whether the initialisation is one whose adapters are read, but with which none begins.</summary>
    public static bool IsReadOnly(string name) => Read.Contains(name);

    /// <summary>What is wrong with the initialisation of an adapter that is trained.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="goesOn">Whether the adapter has its values; one of MiCA, whose B is never trained, is not gone on with either.</param>
    public static IEnumerable<LoraProblem> CheckTraining(LoraConfig config, bool goesOn) =>
        IsReadOnly(config.Initialization) && !(goesOn && config.Initialization == "eva") ? [NotSupported(config, nameof(LoraConfig))] : [];

    /// <summary>What is wrong with the initialisation of an adapter, whether it has its values or begins.</summary>
    public static IEnumerable<LoraProblem> Check(LoraConfig config, string source)
    {
        string name = config.Initialization;
        if (Unsupported.Contains(name))
        {
            yield return NotSupported(config, source);
        }
        else if (!IsSupported(name) && !IsReadOnly(name))
        {
            yield return new(LoraError.ConfigValueInvalid, name, nameof(config.Initialization), $"'{name}'", $"one of {string.Join(", ", Supported)}, {PissaPrefix}N");
        }

        if (config.UseLoraBias && !IsBoolean(name))
        {
            yield return new(LoraError.ConfigConflict, name, $"UseLoraBias goes with the initialisations true and false only, not with '{name}'");
        }
    }

    private static LoraProblem NotSupported(LoraConfig config, string source) =>
        new(LoraError.AdapterFeatureUnsupported, $"init_lora_weights {config.Initialization}", source, $"the initialisation '{config.Initialization}'");

    private static bool IsSupported(string name) =>
        IsBoolean(name)
        || name.Equals("gaussian", StringComparison.OrdinalIgnoreCase)
        || Supported.Contains(name)
        || (name.StartsWith(PissaPrefix, StringComparison.Ordinal)
            && int.TryParse(name.AsSpan(PissaPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out _));

    private static bool IsBoolean(string name) => bool.TryParse(name, out _);
}
