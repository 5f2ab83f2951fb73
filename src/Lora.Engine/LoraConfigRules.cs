using System.Globalization;
using Lora.Adapters;
using Lora.Selection;

namespace Lora;

/// <summary>What can be said about a configuration before its model is known. PEFT checks some of it only when it changes the model.</summary>
public static class LoraConfigRules
{
    /// <summary>The values of <see cref="LoraConfig.TaskType"/>.</summary>
    internal static readonly string[] TaskTypes = ["SEQ_CLS", "SEQ_2_SEQ_LM", "CAUSAL_LM", "TOKEN_CLS", "QUESTION_ANS", "FEATURE_EXTRACTION"];

    private const string AlphaExpected = "a finite number from 0, within float32";

    /// <summary>Returns everything that is wrong with the configuration; empty when nothing is.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="source">What messages call it: a file, or nothing for one made here.</param>
    public static IReadOnlyList<LoraProblem> Check(LoraConfig config, string source = nameof(LoraConfig))
    {
        ArgumentNullException.ThrowIfNull(config);
        return
        [
            .. Values(config, source), .. Conflicts(config), .. ConfigPatterns.Check(config),
            .. LoraInitializationRules.Check(config, source), .. PeftFields.Check(config, source),
        ];
    }

    /// <summary>The same for a configuration that an adapter begins with, which needs more than one that has its values.</summary>
    public static IReadOnlyList<LoraProblem> CheckBegin(LoraConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return [.. Check(config), .. EmptyEntries(config), .. LoraInitializationRules.CheckTraining(config, goesOn: false)];
    }

    /// <summary>PEFT's features that a configuration turns on and that the engine does not have; an adapter with one can be described and no more.</summary>
    internal static IEnumerable<string> Unsupported(LoraConfig config) =>
        LoraInitializationRules.Check(config, "").Concat(PeftFields.Check(config, ""))
            .Where(problem => problem.Error == LoraError.AdapterFeatureUnsupported).Select(problem => (string)problem.Target!);

    private static IEnumerable<LoraProblem> Values(LoraConfig config, string source)
    {
        if (config.Rank < 1)
        {
            yield return Invalid(source, nameof(config.Rank), config.Rank, "a number from 1");
        }

        if (!IsAlpha(config.Alpha))
        {
            yield return Invalid(source, nameof(config.Alpha), config.Alpha, AlphaExpected);
        }

        if (!(config.Dropout >= 0 && config.Dropout < 1))
        {
            yield return Invalid(source, nameof(config.Dropout), config.Dropout, "a number from 0 to below 1");
        }

        if (!Enum.IsDefined(config.Bias))
        {
            yield return Invalid(source, nameof(config.Bias), config.Bias, string.Join(", ", Enum.GetNames<LoraBias>()));
        }

        if (config.TaskType is string task && !TaskTypes.Contains(task))
        {
            yield return Invalid(source, nameof(config.TaskType), task, "one of " + string.Join(", ", TaskTypes));
        }

        foreach (string name in (config.NewToken ?? []).GroupBy(name => name).Where(same => same.Count() > 1 || string.IsNullOrWhiteSpace(same.Key)).Select(same => same.Key))
        {
            yield return Invalid(source, nameof(config.NewToken), string.IsNullOrWhiteSpace(name) ? "an empty text" : $"'{name}' twice", "each token once, as it stands in a text");
        }

        foreach (LoraTrainableToken token in (config.TrainableToken ?? []).Where(token => token.Index < 0))
        {
            // PEFT counts it from the end where it reads the row, and fails where it would put it back.
            yield return Invalid(source, nameof(config.TrainableToken), token, "ids from 0");
        }

        foreach (LoraTrainableToken token in (config.TrainableToken ?? []).GroupBy(token => token).Where(same => same.Count() > 1).Select(same => same.Key))
        {
            yield return Invalid(source, nameof(config.TrainableToken), $"{token} twice", "each token once");
        }

        foreach (LoraPatternValue entry in config.RankPattern ?? [])
        {
            if (entry.Value < 1 || entry.Value > int.MaxValue || !double.IsInteger(entry.Value))
            {
                yield return Invalid(source, $"{nameof(config.RankPattern)} '{entry.Pattern}'", entry.Value, "a whole number from 1");
            }
        }

        foreach (LoraPatternValue entry in config.AlphaPattern ?? [])
        {
            if (!IsAlpha(entry.Value))
            {
                yield return Invalid(source, $"{nameof(config.AlphaPattern)} '{entry.Pattern}'", entry.Value, AlphaExpected);
            }
        }
    }

    // libtorch multiplies by the scaling, at most alpha, in float32.
    private static bool IsAlpha(double value) => value is >= 0 and <= float.MaxValue;

    private static IEnumerable<LoraProblem> Conflicts(LoraConfig config)
    {
        string[] sources = [.. TargetSources(config)];
        if (sources.Length > 1)
        {
            yield return Conflict($"{string.Join(" and ", sources)} both say what to adapt");
        }

        if (config.ExcludeModule is { Length: > 0 } && config.ExcludePattern is not null)
        {
            yield return Conflict("ExcludeModule and ExcludePattern both say what to leave alone");
        }

        if (config.TargetPattern is not null && config.LayersToTransform is not null)
        {
            yield return Conflict("LayersToTransform does not go with TargetPattern; put the layers into the pattern");
        }

        if (config.TargetPattern is not null && config.LayersPattern is not null)
        {
            yield return Conflict("LayersPattern does not go with TargetPattern; put the layers into the pattern");
        }

        if ((config.Module is not null || config.TargetModule is { Length: 0 }) && config.LayersToTransform is { Length: > 0 })
        {
            yield return Conflict("LayersToTransform has no effect without endings in TargetModule; choose among the modules instead");
        }

        if (config.LayersPattern is { Length: > 0 } && config.LayersToTransform is null)
        {
            yield return Conflict("LayersPattern needs LayersToTransform");
        }

        if (config.UseDora && config.UseLoraBias)
        {
            yield return Conflict("UseLoraBias does not go with UseDora");
        }

        if ((config.TrainableToken ?? []).Select(token => token.Module is null).Distinct().Count() > 1)
        {
            yield return Conflict("TrainableToken has tokens with a module and tokens without one");
        }

        if (config.TargetParameter is { Length: > 0 })
        {
            foreach (string other in AgainstParameters(config))
            {
                yield return Conflict($"{other} does not go with TargetParameter");
            }
        }
    }

    /// <summary>What PEFT's wrapper of a parameter refuses, and the starts that it fails on since there is no module with a weight.</summary>
    private static IEnumerable<string> AgainstParameters(LoraConfig config)
    {
        (string Name, bool IsSet)[] features =
        [
            (nameof(config.Dropout), config.Dropout != 0), (nameof(config.UseDora), config.UseDora), (nameof(config.UseLoraBias), config.UseLoraBias),
            (nameof(config.FanInFanOut), config.FanInFanOut),
            ($"The initialisation '{config.Initialization}'", LoraInitializationRules.TakesWeightApart(config.Initialization) || LoraInitializationRules.NeedsEvenRank(config.Initialization)),
        ];
        return features.Where(feature => feature.IsSet).Select(feature => feature.Name);
    }

    private static IEnumerable<string> TargetSources(LoraConfig config)
    {
        if (config.Module is not null)
        {
            yield return nameof(config.Module);
        }

        if (config.TargetModule is not null)
        {
            yield return nameof(config.TargetModule);
        }

        if (config.TargetPattern is not null)
        {
            yield return nameof(config.TargetPattern);
        }
    }

    // A file of PEFT's may have one, which means nothing there; of one who types it a variable was empty.
    private static IEnumerable<LoraProblem> EmptyEntries(LoraConfig config)
    {
        (string Name, string[]? Entries)[] lists =
        [
            (nameof(config.Module), config.Module), (nameof(config.TargetModule), config.TargetModule), (nameof(config.TargetParameter), config.TargetParameter),
            (nameof(config.ExcludeModule), config.ExcludeModule), (nameof(config.ModulesToSave), config.ModulesToSave),
        ];
        (string Name, string? Pattern)[] patterns = [(nameof(config.TargetPattern), config.TargetPattern), (nameof(config.ExcludePattern), config.ExcludePattern)];
        return lists.Where(list => list.Entries?.Any(string.IsNullOrWhiteSpace) == true)
            .Select(list => new LoraProblem(LoraError.ConfigValueInvalid, list.Entries, $"An entry of {list.Name}", "empty", "a module's name or its ending"))
            .Concat(patterns.Where(pattern => pattern.Pattern?.Trim() is "")
                .Select(pattern => new LoraProblem(LoraError.ConfigValueInvalid, pattern.Pattern, pattern.Name, "empty", "a regular expression for whole names")));
    }

    private static LoraProblem Invalid(string source, string name, object value, string expected) =>
        new(LoraError.ConfigValueInvalid, value, source == nameof(LoraConfig) ? name : $"{name} of '{source}'", string.Create(CultureInfo.InvariantCulture, $"{value}"), expected);

    private static LoraProblem Conflict(string text) => new(LoraError.ConfigConflict, null, text);
}
