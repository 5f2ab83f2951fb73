using Lora.Selection;

namespace Lora.Adapters;

/// <summary>The configuration of an adapter that was changed: the modules that are left, and their ranks and scalings, to the letter.</summary>
internal static class EditedConfig
{
    /// <param name="adapter">The adapter that was changed.</param>
    /// <param name="modules">What became of its modules.</param>
    /// <param name="isTruncated">Whether ranks changed, and scalings are 1 therefore.</param>
    public static LoraConfig Of(LoraAdapter adapter, IReadOnlyList<LoraModuleEdit> modules, bool isTruncated)
    {
        LoraModuleEdit[] kept = [.. modules.Where(module => module.Rank is not null)];
        string[] names = [.. kept.Select(module => module.Name)];
        Dictionary<string, string> parameters = FactorPair.Of(adapter).Where(pair => pair.Value.Parameter is not null)
            .ToDictionary(pair => pair.Key, pair => $"{pair.Value.Parameter!.Value.Module}.{pair.Value.Parameter.Value.Parameter}", StringComparer.Ordinal);
        LoraConfig config = isTruncated ? CombinedConfig.Of([adapter], kept.ToDictionary(module => module.Name, module => module.Rank!.Value)) : adapter.Config;
        return kept.Length == modules.Count ? config : ExactTargets.Of(config, names.Except(parameters.Keys), [.. names.Where(parameters.ContainsKey).Select(name => parameters[name])]) with
        {
            RankPattern = Used(config.RankPattern, names),
            AlphaPattern = Used(config.AlphaPattern, names),
        };
    }

    /// <summary>The entries that match a module that is left; one that matches none would be told of as a slip of the pen.</summary>
    private static LoraPatternValue[]? Used(LoraPatternValue[]? entries, string[] names)
    {
        PatternTable table = new(entries);
        LoraPatternValue[] used = [.. (entries ?? []).Where((_, index) => table.Count(index, names) > 0)];
        return used.Length == 0 ? null : used;
    }
}
