using System.Text.RegularExpressions;

namespace Lora.Adapters;

/// <summary>The configuration of a combined adapter: its scaling is 1 everywhere, and ranks that differ are written out.</summary>
internal static class CombinedConfig
{
    public static LoraConfig Of(IReadOnlyList<LoraAdapter> adapters, IReadOnlyDictionary<string, int> ranks)
    {
        int rank = ranks.Values.GroupBy(value => value).OrderByDescending(group => group.Count()).First().Key;
        // Held to the beginning of a name: the name of one module may be the ending of another's.
        LoraPatternValue[] others = [.. ranks.Where(entry => entry.Value != rank)
            .Select(entry => new LoraPatternValue { Pattern = '^' + Regex.Escape(entry.Key), Value = entry.Value })];
        LoraConfig first = adapters[0].Config;
        return Targets(adapters, ranks.Keys) with
        {
            Rank = rank,
            Alpha = rank,
            RankPattern = others.Length == 0 ? null : others,
            AlphaPattern = others.Length == 0 ? null : others,
            UseRsLora = false,
            Initialization = "true",
            Dropout = 0,
            OtherKeys = first.OtherKeys,
        };
    }

    /// <summary>The targets as the adapters say them, when all say the same; else the modules by name.</summary>
    private static LoraConfig Targets(IReadOnlyList<LoraAdapter> adapters, IEnumerable<string> modules)
    {
        LoraConfig first = adapters[0].Config;
        bool isSame = adapters.Select(adapter => AdapterConfigJson.Write(OnlyTargets(adapter.Config))).Distinct().Count() == 1;
        return isSame ? first : ExactTargets.Of(first, modules);
    }

    private static LoraConfig OnlyTargets(LoraConfig config) => new()
    {
        Module = config.Module,
        TargetModule = config.TargetModule,
        TargetPattern = config.TargetPattern,
        ExcludeModule = config.ExcludeModule,
        ExcludePattern = config.ExcludePattern,
        LayersToTransform = config.LayersToTransform,
        LayersPattern = config.LayersPattern,
    };
}
