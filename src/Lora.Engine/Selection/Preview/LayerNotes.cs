using System.Globalization;

namespace Lora.Selection;

/// <summary>
/// What LayersToTransform and LayersPattern did that is easily overlooked. PEFT finds a layer's number in its own way: the first number that has two
/// parts before it and one after, or what LayersPattern names; the listing has the outermost block.
/// </summary>
internal static class LayerNotes
{
    private const int Shown = 3;

    /// <summary>A sentence for numbers and patterns that hit nothing, and for modules whose number PEFT reads otherwise than the listing.</summary>
    public static IEnumerable<string> Of(LoraConfig config, IReadOnlyList<LoraModuleInfo> modules, IReadOnlyList<TargetDecision> decisions)
    {
        if (config.LayersToTransform is not { Length: > 0 } asked)
        {
            return [];
        }

        TargetDecision[] filtered = [.. decisions.Where(decision => decision.Rule is TargetRule.TargetEnding or TargetRule.OtherLayer or TargetRule.NoLayer)];
        return [.. Missed(asked, filtered), .. MissedPatterns(config, filtered), .. Differing(asked, modules, filtered)];
    }

    private static IEnumerable<string> Missed(int[] asked, TargetDecision[] filtered)
    {
        int[] found = [.. filtered.Select(decision => decision.Layer).OfType<int>().Distinct().Order()];
        int[] missed = [.. asked.Except(found)];
        if (missed.Length > 0 && found.Length > 0)
        {
            yield return $"{nameof(LoraConfig.LayersToTransform)} {Numbers(missed)} hits nothing: what the targets match lies in the layers {Numbers(found)}.";
        }
    }

    private static IEnumerable<string> MissedPatterns(LoraConfig config, TargetDecision[] filtered) =>
        from pattern in config.LayersPattern ?? []
        let filter = new LayerFilter([], [pattern])
        where !filtered.Any(decision => filter.LayerOf(decision.Name) is not null)
        select $"The {nameof(LoraConfig.LayersPattern)} entry '{pattern}' hits none of the modules that the targets match.";

    private static IEnumerable<string> Differing(int[] asked, IReadOnlyList<LoraModuleInfo> modules, TargetDecision[] filtered)
    {
        Dictionary<string, int?> listed = modules.DistinctBy(module => module.Name).ToDictionary(module => module.Name, module => module.Layer, StringComparer.Ordinal);
        string[] taken = [.. filtered.Where(decision => decision.Targeted && decision.Layer != listed.GetValueOrDefault(decision.Name)).Select(decision => decision.Name)];
        if (taken.Length > 0)
        {
            yield return $"Taken by the number that PEFT reads in their names, though the listing has them in another layer: {Names(taken)}.";
        }

        string[] left = [.. filtered
            .Where(decision => !decision.Targeted && listed.GetValueOrDefault(decision.Name) is int layer && asked.Contains(layer) && decision.Layer != layer)
            .Select(decision => decision.Name)];
        if (left.Length > 0)
        {
            yield return $"Left out by the number that PEFT reads in their names, though the listing has them in a layer that was asked for: {Names(left)}.";
        }
    }

    private static string Numbers(IEnumerable<int> numbers) => string.Join(", ", numbers.Select(number => number.ToString(CultureInfo.InvariantCulture)));

    private static string Names(string[] names) =>
        string.Join(", ", names.Take(Shown)) + (names.Length > Shown ? string.Create(CultureInfo.InvariantCulture, $" and {names.Length - Shown} more") : "");
}
