using System.Globalization;

namespace Lora.Selection;

/// <summary>What the user of a configuration should know of it though it is used as it is.</summary>
internal static class TargetNotes
{
    /// <summary>One sentence for each pair of modules that share a weight of which one is adapted, for each entry that never decides, and for a scaling of zero.</summary>
    public static IEnumerable<string> Of(IReadOnlyList<LoraModuleInfo> modules, IReadOnlyList<ResolvedTarget> targets, IEnumerable<LoraTargetEntry> entries)
    {
        HashSet<string> adapted = new(targets.Select(target => target.Module.Name), StringComparer.Ordinal);
        IEnumerable<string> tied =
            from module in modules
            where module.TiedTo is not null
            let target = adapted.Contains(module.Name) ? module.Name : module.TiedTo
            let other = target == module.Name ? module.TiedTo : module.Name
            where adapted.Contains(target)
            select $"'{target}' shares its weight with '{other}': the adapter changes what the one computes, and merged into the weight it would change both.";
        IEnumerable<string> idle =
            from entry in entries
            where entry is { Hits: > 0, Decided: 0 }
            let matches = entry.Hits == 1 ? "1 module" : string.Create(CultureInfo.InvariantCulture, $"{entry.Hits} modules")
            select $"The {entry.List} entry '{entry.Entry}' matches {matches} and decides about none: something else always goes before it.";
        IEnumerable<string> still = targets.Count > 0 && targets.All(target => target.Scaling == 0) ? ["Alpha is 0: the adapter changes nothing, whatever it learns."] : [];
        return tied.Concat(idle).Concat(still);
    }
}
