using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Models;
using Lora.Selection;

namespace Lora.Training;

/// <summary>What is measured together, found out from headers, configuration and the adapters' own tensors; what does not fit is found here.</summary>
/// <param name="Folder">The model's folder.</param>
/// <param name="Adapters">The adapters, with the modules that each adapts and those that stay on.</param>
/// <param name="Warnings">Messages that do not stop the work.</param>
internal sealed record MeasurementPlan(string Folder, IReadOnlyList<PlannedAdapter> Adapters, IReadOnlyList<string> Warnings)
{
    /// <summary>The adapters' names; the model's folder without any.</summary>
    public string Name => Adapters.Count == 0 ? Folder : Together(Adapters);

    /// <summary>What is good to know and no more.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The task of the adapters, which is one; null for the model's own.</summary>
    public string? TaskType => Adapters.Count == 0 ? null : Adapters[0].Config.TaskType;

    /// <summary>The labels that they were trained with; null where they carry none.</summary>
    public KnownLabels? Labels => Adapters.Select(planned => planned.Adapter.Labels?.Known).FirstOrDefault(labels => labels is not null);

    /// <summary>The vocabulary that the model is loaded with; null for its own.</summary>
    public ResizedVocabulary? Vocabulary => Adapters.Select(planned => planned.Fitted?.Vocabulary).FirstOrDefault(vocabulary => vocabulary is not null);

    /// <summary>Makes the plan.</summary>
    /// <param name="adapters">The adapters that are on at the same time; none for the model by itself.</param>
    /// <param name="model">The model's folder; null when the adapters know it.</param>
    /// <param name="filter">Which modules stay on.</param>
    /// <param name="resizesVocabulary">Whether the model takes over the vocabulary of an adapter.</param>
    /// <exception cref="LoraException">All problems of the adapters and their model.</exception>
    public static MeasurementPlan Make(IReadOnlyList<LoraAdapter> adapters, string? model, ModuleFilter filter, bool resizesVocabulary)
    {
        if (adapters.Count == 0)
        {
            return new(ModelTargets.Folder(new() { Model = model }), [], []);
        }

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
            FittedAdapter? fitted = Problems.Collect(problems, () => FittedAdapter.Of(adapter, folders[0], resizesVocabulary));
            LoraConfig meant = config with { ModulesToSave = fitted?.Adapter.Config.ModulesToSave ?? config.ModulesToSave, VocabularySize = fitted?.Vocabulary?.Size };
            PlannedAdapter one = new(adapter, fitted, meant, [], AdapterParts.Modules(fitted?.Adapter ?? adapter));
            problems.AddRange(AdapterWeightRules.Check(config, adapter.Tensors, one.Name));

            // What an adapter was trained with is past: an entry that hits nothing is no error here.
            ResolvedTargets? resolved = Problems.Collect(problems, () => Resolved(one, folders[0]));
            planned.Add(resolved is null ? one : one with { Targets = ModelTargets.ForAdapter(resolved), Config = meant with { ModulesToSave = [.. resolved.Saved] } });
        }

        if (adapters.Count > 1 && planned.Any(one => one.Fitted?.Vocabulary is not null))
        {
            problems.Add(new(LoraError.ConfigConflict, Together(planned), $"adapters that are measured together need one vocabulary, and one of {Together(planned)} has its own"));
        }

        if (configs.Select(config => config.TaskType).Distinct().Count() > 1)
        {
            problems.Add(new(LoraError.ConfigConflict, Together(planned), $"adapters that are measured together have one task, and those of {Together(planned)} are {string.Join(" and ", configs.Select(config => config.TaskType ?? "none").Distinct())}"));
        }

        LoraException.ThrowIfAny(problems);
        IEnumerable<string> unconverted = adapters.Select(UnconvertedStart.Warning).OfType<string>();
        IEnumerable<string> broken = adapters.Where(adapter => !adapter.Tensors.All(FiniteValues.AreAllOf))
            .Select(adapter => $"'{adapter.Label}' has values that are not finite; its loss will not be either.");
        return new(folders[0], [.. planned.Select(one => one with { Active = filter.Apply(one.Active).Selected })], [.. unconverted, .. broken, .. Misses(filter, planned)]) { Notes = [.. planned.Select(one => one.Fitted?.Note).OfType<string>()] };
    }

    /// <summary>Finds the modules that an adapter is for. That a model has none of them is one problem, which names modules, and not one for each entry that chose them once.</summary>
    private static ResolvedTargets Resolved(PlannedAdapter planned, string folder)
    {
        try
        {
            ResolvedTargets resolved = ModelTargets.Resolve(planned.Config, folder, allowUnmatched: true);
            LoraException.ThrowIfAny(AdapterWeightRules.CheckSizes(planned.Adapter, resolved.Targets.Select(target => target.Module)));
            return resolved;
        }
        catch (LoraException exception) when (exception.Error == LoraError.NoTargets && planned.Active.Count > 0 && !ModuleTree.Read(folder).Nodes.Keys.Intersect(planned.Active).Any())
        {
            throw LoraException.Of(TensorFaults.OfMissing(planned.Adapter, planned.Active));
        }
    }

    private static string Together(IEnumerable<PlannedAdapter> planned) => string.Join(" + ", planned.Select(one => one.Name));

    /// <summary>A warning for each pattern that matches no adapted module.</summary>
    private static IEnumerable<string> Misses(ModuleFilter filter, List<PlannedAdapter> planned)
    {
        string[] names = [.. planned.SelectMany(one => one.Active)];

        // Against the adapted modules, not the model's: a pattern that hits others only switches nothing.
        ModuleFilterResult result = filter.Apply(names);
        return
            from entry in filter.Include.Zip(result.IncludeHits).Concat(filter.Exclude.Zip(result.ExcludeHits))
            where entry.Second == 0
            select $"'{entry.First}' matches none of the modules that '{Together(planned)}' adapts{WiderPattern.Hint(entry.First, names)}.";
    }
}
