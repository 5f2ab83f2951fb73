using System.Globalization;

namespace Lora.Adapters;

/// <summary>Everything that keeps adapters from being combined, found before any work.</summary>
internal static class CombinationRules
{
    public static IReadOnlyList<LoraProblem> Check(
        IReadOnlyList<LoraAdapter> adapters, CombinationOptions options, IReadOnlyList<IReadOnlyDictionary<string, FactorPair>> pairs) =>
        [.. Options(adapters.Count, options).Concat(adapters.SelectMany(PlainFactors.Obstacles)).Concat(adapters.SelectMany(PlainFactors.Stacks)).Concat(Shapes(options, pairs))
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
            yield return string.Create(CultureInfo.InvariantCulture, $"there {(weights.Length == 1 ? "is" : "are")} {Count(weights.Length, "weight")} for {Count(adapters, "adapter")}");
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

        // Put so that NaN, of which every comparison is false, is refused too.
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

    private static IEnumerable<string> Shapes(CombinationOptions options, IReadOnlyList<IReadOnlyDictionary<string, FactorPair>> pairs)
    {
        if (pairs.Count > 0 && pairs.All(adapter => adapter.Count == 0))
        {
            yield return "they adapt no module";
        }

        string[] shapes = [.. PlainFactors.DifferentShapes(pairs)];
        bool needsEqualRanks = options.Method != CombinationMethod.Cat && !options.Method.IsDecomposed();
        string[] ranks = [.. PlainFactors.Differing(pairs, pair => pair.Rank)];
        foreach (string text in shapes)
        {
            yield return text;
        }

        if (shapes.Length == 0 && needsEqualRanks && ranks.Length > 0)
        {
            yield return $"{options.Method} needs equal ranks, and they differ at {PlainFactors.Names(ranks)}";
        }
    }

    private static string Count(int count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");
}
