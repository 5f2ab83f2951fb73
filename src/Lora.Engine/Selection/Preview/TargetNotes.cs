using System.Globalization;

namespace Lora.Selection;

/// <summary>What the user of a configuration should know of it though it is used as it is.</summary>
internal static class TargetNotes
{
    /// <summary>One sentence for each pair of modules that share a weight of which one is adapted, for a scaling of zero, and for ranks beyond their matrices.</summary>
    public static IEnumerable<string> Of(IReadOnlyList<LoraModuleInfo> modules, IReadOnlyList<ResolvedTarget> targets)
    {
        HashSet<string> adapted = new(targets.Select(target => target.Module.Name), StringComparer.Ordinal);
        IEnumerable<string> tied =
            from module in modules
            where module.TiedTo is not null
            let target = adapted.Contains(module.Name) ? module.Name : module.TiedTo
            let other = target == module.Name ? module.TiedTo : module.Name
            where adapted.Contains(target)
            select $"'{target}' shares its weight with '{other}': the adapter changes what the one computes, and merged into the weight it would change both.";
        return [.. tied, .. Still(targets), .. Wide(targets)];
    }

    private static IEnumerable<string> Still(IReadOnlyList<ResolvedTarget> targets)
    {
        ResolvedTarget[] still = [.. targets.Where(target => target.Scaling == 0)];
        if (still.Length > 0)
        {
            yield return still.Length == targets.Count
                ? "Alpha is 0: the adapter changes nothing, whatever it learns."
                : string.Create(CultureInfo.InvariantCulture, $"Alpha is 0 for {still.Length} of {targets.Count} modules, as '{still[0].Module.Name}': they change nothing, whatever they learn.");
        }
    }

    /// <summary>A sentence when ranks are above what a matrix has: B A then has no more directions, and training no more freedom, than at that rank.</summary>
    private static IEnumerable<string> Wide(IReadOnlyList<ResolvedTarget> targets)
    {
        ResolvedTarget[] wide = [.. targets.Where(target => target.Rank > SmallerSide(target.Module))];
        if (wide.Length > 0)
        {
            ResolvedTarget first = wide[0];
            yield return string.Create(CultureInfo.InvariantCulture,
                $"The rank is above the smaller side of the matrix in {wide.Length} of {targets.Count} modules, and more than that gives nothing: '{first.Module.Name}' has {SmallerSide(first.Module)}, and rank {first.Rank}.");
        }
    }

    private static long SmallerSide(LoraModuleInfo module) => module is { ExpertCount: not null, InFeatures: long width, OutFeatures: long height } ? Math.Min(width, height)
        : module is { OutFeatures: long outputs, Shape.Count: > 1 }
        ? Math.Min(outputs, module.Shape.Aggregate(1L, (product, size) => product * size) / outputs)
        : long.MaxValue; // of no matrix that is known

    /// <summary>A sentence for each module that PEFT would take too for one that is trained whole, since it takes a name for a plain ending.</summary>
    /// <param name="saved">The whole names of the modules that are trained whole.</param>
    /// <param name="names">All names.</param>
    public static IEnumerable<string> OfSaved(IReadOnlyList<string> saved, IReadOnlyList<string> names) =>
        from name in saved
        let other = names.FirstOrDefault(other => other.EndsWith(name, StringComparison.Ordinal) && !saved.Any(entry => SavedModules.Holds(entry, other)))
        where other is not null
        select $"'{name}' is trained whole. PEFT, which takes the name for an ending, trains '{other}' whole too and so does not load the adapter.";
}
