using Lora.Adapters;
using Lora.Selection;

namespace Lora.Training;

/// <summary>What is measured together, found out from headers, configuration and the adapters' own tensors; what does not fit is found here.</summary>
/// <param name="Folder">The model's folder.</param>
/// <param name="Adapters">The adapters, with the modules that each adapts and those that stay on.</param>
/// <param name="Warnings">Messages that do not stop the work.</param>
internal sealed record MeasurementPlan(string Folder, IReadOnlyList<PlannedAdapter> Adapters, IReadOnlyList<string> Warnings)
{
    /// <summary>The adapters' names.</summary>
    public string Name => string.Join(" + ", Adapters.Select(planned => planned.Name));

    /// <summary>Makes the plan.</summary>
    /// <param name="adapters">The adapters that are on at the same time; at least one.</param>
    /// <param name="model">The model's folder; null when the adapters know it.</param>
    /// <param name="filter">Which modules stay on.</param>
    /// <exception cref="LoraException">All problems of the adapters and their model.</exception>
    public static MeasurementPlan Make(IReadOnlyList<LoraAdapter> adapters, string? model, ModuleFilter filter)
    {
        LoraConfig[] configs = [.. adapters.Select(adapter => model is null ? adapter.Config : adapter.Config with { Model = model })];
        string[] folders = [.. configs.Select(ModelTargets.Folder).Distinct(StringComparer.Ordinal)];

        // Adapters that are on together change one model.
        if (folders.Length > 1)
        {
            throw LoraException.Of(LoraError.ConfigConflict, folders[1], $"adapters that are measured together belong to '{folders[0]}' and '{folders[1]}'");
        }

        List<LoraProblem> problems = [];
        List<PlannedAdapter> planned = [];
        foreach ((LoraAdapter adapter, LoraConfig config) in adapters.Zip(configs))
        {
            PlannedAdapter one = new(adapter, config, [], AdapterParts.Modules(adapter));
            problems.AddRange(AdapterWeightRules.Check(config, adapter.Tensors, one.Name));

            // What an adapter was trained with is past: an entry that hits nothing is no error here.
            ResolvedTargets? resolved = Problems.Collect(problems, () => ModelTargets.Resolve(config, folders[0], allowUnmatched: true));
            planned.Add(one with { Targets = resolved is null ? [] : ModelTargets.ForAdapter(resolved) });
        }

        LoraException.ThrowIfAny(problems);
        IEnumerable<string> unconverted = adapters.Select(UnconvertedStart.Warning).OfType<string>();
        IEnumerable<string> broken = adapters.Where(adapter => !adapter.Tensors.All(FiniteValues.AreAllOf))
            .Select(adapter => $"'{adapter.Label}' has values that are not finite; its loss will not be either.");
        return new(folders[0], [.. planned.Select(one => one with { Active = filter.Apply(one.Active).Selected })], [.. unconverted, .. broken, .. Misses(filter, planned)]);
    }

    /// <summary>A warning for each pattern that matches no adapted module.</summary>
    private static IEnumerable<string> Misses(ModuleFilter filter, List<PlannedAdapter> planned)
    {
        string[] names = [.. planned.SelectMany(one => one.Active)];

        // Against the adapted modules, not the model's: a pattern that hits others only switches nothing.
        ModuleFilterResult result = filter.Apply(names);
        return
            from entry in filter.Include.Zip(result.IncludeHits).Concat(filter.Exclude.Zip(result.ExcludeHits))
            where entry.Second == 0
            select $"'{entry.First}' matches none of the modules that '{string.Join(" + ", planned.Select(one => one.Name))}' adapts{WiderPattern.Hint(entry.First, names)}.";
    }
}
