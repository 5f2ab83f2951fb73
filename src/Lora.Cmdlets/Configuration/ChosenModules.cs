using Lora.Selection;

namespace Lora.Commands;

/// <summary>Makes configurations of the modules that came through a pipeline: one for each model, exact names, in order, without duplicates.</summary>
internal static class ChosenModules
{
    /// <summary>The configurations; a glob that leaves nothing out is warned of.</summary>
    /// <exception cref="LoraException">NoTargets or TargetKindUnsupported.</exception>
    public static IReadOnlyList<LoraConfig> Configs(IReadOnlyList<LoraModuleInfo> modules, IReadOnlyList<string> exclude, Action<string> warn)
    {
        ModuleFilter filter = new([], exclude);
        ModuleFilterResult result = filter.Apply(modules.Select(module => module.Name));
        HashSet<string> names = new(result.Selected, StringComparer.Ordinal);
        LoraModuleInfo[] chosen = [.. modules.Where(module => names.Contains(module.Name))];
        foreach ((ModulePattern pattern, int hits) in filter.Exclude.Zip(result.ExcludeHits))
        {
            if (hits == 0)
            {
                string hint = WiderPattern.Hint(pattern, [.. modules.Select(module => module.Name)]);
                warn($"-Exclude '{pattern}' matches none of the {modules.Count} piped modules{hint}.");
            }
        }

        if (chosen.Length == 0)
        {
            string reason = modules.Count == 0 ? "no module came through the pipeline, and neither -TargetModule, -TargetPattern, -Model nor -Path says what to adapt" : $"-Exclude leaves none of the {modules.Count} piped modules";
            throw LoraException.Of(LoraError.NoTargets, null, reason);
        }

        LoraException.ThrowIfAny([.. chosen.Where(module => !module.IsAdaptable()).Select(module => new LoraProblem(
            LoraError.TargetKindUnsupported, module, module.Name, module.Kind, LoraModuleKinds.Adaptable))]);
        return [.. chosen.GroupBy(module => module.Model, StringComparer.Ordinal).Select(group =>
        {
            // PEFT has weights of experts that are parameters in a list of their own, target_parameters.
            ILookup<bool, string> names = group.ToLookup(module => module.Kind == LoraModuleKind.Expert, module => module.Name);
            return Of(group.Key) with
            {
                Module = [.. names[false].Distinct(StringComparer.Ordinal)],
                TargetParameter = names[true].Any() ? [.. names[true].Distinct(StringComparer.Ordinal)] : null,
            };
        })];
    }

    /// <summary>The configuration of a model: of one that was listed from a hub it keeps the name, by which the cache is looked at when the model is needed.</summary>
    private static LoraConfig Of(string model) =>
        Path.IsPathRooted(model) ? new() { Model = model }
        : model.Split('@', 2) is [string name, string revision] ? new() { BaseModelNameOrPath = name, Revision = revision }
        : new() { BaseModelNameOrPath = model };
}
