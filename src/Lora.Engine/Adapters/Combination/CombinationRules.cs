using System.Globalization;
using Lora.Checkpoints;

namespace Lora.Adapters;

/// <summary>Everything that keeps adapters from being combined, found before any work.</summary>
internal static class CombinationRules
{
    private const int Shown = 3;

    public static IReadOnlyList<LoraProblem> Check(
        IReadOnlyList<LoraAdapter> adapters, CombinationOptions options, IReadOnlyList<IReadOnlyDictionary<string, FactorPair>> pairs) =>
        [.. Options(adapters.Count, options).Concat(adapters.SelectMany(Features)).Concat(adapters.SelectMany(Values)).Concat(Shapes(options, pairs))
            .Select(text => new LoraProblem(LoraError.CombinationRefused, null, text))];

    private static IEnumerable<string> Options(int adapters, CombinationOptions options)
    {
        bool needsDensity = options.Method.DropsAtRandom() || options.Method.DropsSmallest();
        if (adapters == 0)
        {
            yield return "there is none";
        }

        if (options.Weight is double[] weights && weights.Length != adapters)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"there are {weights.Length} weights for {adapters} adapters");
        }

        if (options.Weight?.All(double.IsFinite) == false)
        {
            yield return "a weight is not a finite number";
        }

        if (needsDensity && options.Density is null)
        {
            yield return $"{options.Method} needs a density";
        }

        if (!needsDensity && options.Density is not null)
        {
            yield return $"{options.Method} has no use for a density";
        }

        if (options.Density is double density && !(density > 0 && density <= 1))
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"the density {density} is not above 0 to 1");
        }

        if (!options.Method.IsDecomposed() && (options.Rank is not null || options.Clamp is not null))
        {
            yield return $"{options.Method} has no use for a rank or a clamp";
        }

        if (options.Rank < 1)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"the rank {options.Rank} is below 1");
        }

        if (options.Clamp is double clamp && !(clamp > 0 && clamp <= 1))
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"the clamp {clamp} is not above 0 to 1");
        }
    }

    /// <summary>What is more than A and B cannot be added up.</summary>
    private static IEnumerable<string> Features(LoraAdapter adapter)
    {
        LoraConfig config = adapter.Config;
        string name = adapter.Label;
        if (config.UseDora)
        {
            yield return $"'{name}' uses DoRA";
        }

        if (config.UseLoraBias || config.Bias != LoraBias.None)
        {
            yield return $"'{name}' trains biases";
        }

        // Copies of the base's weights beside adapted modules do without; whole tables are of another vocabulary.
        if (AdapterContents.Of(adapter).Copies.FirstOrDefault(copy => !PeftKey.IsOfBase(copy.Name)) is TensorData table)
        {
            yield return $"'{name}' holds '{table.Name}' whole";
        }

        if (config.ModulesToSave is { Length: > 0 })
        {
            yield return $"'{name}' trains modules whole";
        }

        if (LoraInitialization.Of(config.Initialization).ChangesBase)
        {
            yield return $"'{name}' belongs to a base that its initialisation '{config.Initialization}' changed";
        }
    }

    /// <summary>A NaN would spread through the sum, and a tensor of another kind would be lost in it.</summary>
    private static IEnumerable<string> Values(LoraAdapter adapter)
    {
        string name = adapter.Label;
        bool isPlain = !Features(adapter).Any();
        foreach (TensorData tensor in adapter.Tensors)
        {
            if (isPlain && !FactorPair.IsFactor(tensor.Name))
            {
                yield return $"'{name}' has '{tensor.Name}', which is neither A nor B";
            }

            if (!FiniteValues.AreAllOf(tensor))
            {
                yield return $"'{tensor.Name}' of '{name}' has values that are not finite";
            }
        }
    }

    private static IEnumerable<string> Shapes(CombinationOptions options, IReadOnlyList<IReadOnlyDictionary<string, FactorPair>> pairs)
    {
        if (pairs.Count > 0 && pairs.All(adapter => adapter.Count == 0))
        {
            yield return "they adapt no module";
        }

        List<string> shapes = [];
        List<string> ranks = [];
        bool needsEqualRanks = options.Method != CombinationMethod.Cat && !options.Method.IsDecomposed();
        foreach (IGrouping<string, FactorPair> module in pairs.SelectMany(adapter => adapter).GroupBy(entry => entry.Key, entry => entry.Value))
        {
            if (module.DistinctBy(pair => (string.Join(',', pair.Down.Shape[1..]), pair.Up.Shape[0], pair.Down.Name)).Count() > 1)
            {
                shapes.Add(module.Key);
            }
            else if (needsEqualRanks && module.DistinctBy(pair => pair.Rank).Count() > 1)
            {
                ranks.Add(module.Key);
            }
        }

        if (shapes.Count > 0)
        {
            yield return $"their shapes differ at {Names(shapes)}";
        }

        if (ranks.Count > 0)
        {
            yield return $"{options.Method} needs equal ranks, and they differ at {Names(ranks)}";
        }
    }

    private static string Names(List<string> names) =>
        string.Join(", ", names.Take(Shown).Select(name => $"'{name}'"))
        + (names.Count > Shown ? string.Create(CultureInfo.InvariantCulture, $" and {names.Count - Shown} more") : "");
}
