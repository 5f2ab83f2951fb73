namespace Lora.Selection;

/// <summary>Decides for one module name after another whether it is adapted, as PEFT does: the first rule that applies wins.</summary>
/// <remarks>
/// Excluding goes before all, then what is trained whole. A pattern must match the whole name. An entry that equals the name is a target in every
/// layer; one that is an ending after a dot only in the layers asked for. Exact names (<see cref="LoraConfig.Module"/>) are never endings.
/// It takes names and a configuration and gives a decision with the rule and the entry that made it; it knows no tensors, so a million names are
/// decided without a model. <see cref="TargetResolver"/> adds what needs the module tree: kinds, ranks, entries that hit nothing.
/// </remarks>
public sealed class TargetSelector
{
    private readonly string listName;
    private readonly SuffixTable targets;
    private readonly bool endings;
    private readonly PythonRegex? targetPattern;
    private readonly SuffixTable excluded;
    private readonly PythonRegex? excludePattern;
    private readonly string[] savedEntries;
    private readonly SavedModules saved;
    private readonly LayerFilter? layers;

    /// <summary>Makes the selector of a configuration, in which <c>all-linear</c> and default targets are resolved already.</summary>
    /// <exception cref="LoraException">PatternInvalid.</exception>
    public TargetSelector(LoraConfig config)
        : this(config, config?.Module is null ? nameof(LoraConfig.TargetModule) : nameof(LoraConfig.Module))
    {
    }

    internal TargetSelector(LoraConfig config, string listName)
    {
        ArgumentNullException.ThrowIfNull(config);
        this.listName = listName;
        targets = new(config.Module ?? config.TargetModule ?? []);
        endings = config.Module is null;
        targetPattern = config.TargetPattern is string pattern ? PythonRegex.Whole(pattern) : null;
        excluded = new(config.ExcludeModule ?? []);
        excludePattern = config.ExcludePattern is string exclusion ? PythonRegex.Whole(exclusion) : null;
        savedEntries = config.ModulesToSave ?? [];
        saved = new(savedEntries);
        layers = LayerFilter.Of(config);
    }

    /// <summary>Decides about a name.</summary>
    /// <exception cref="LoraException">PatternTimeout.</exception>
    public TargetDecision Decide(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Exclusion(name) ?? Target(name) ?? new() { Name = name, Rule = TargetRule.NoTarget };
    }

    private TargetDecision? Exclusion(string name)
    {
        if (excludePattern?.Matches(name) == true)
        {
            return By(name, TargetRule.ExcludePattern, nameof(LoraConfig.ExcludePattern), excludePattern.Pattern, 0);
        }

        int entry = excluded.Find(name);
        if (entry >= 0)
        {
            return By(name, TargetRule.ExcludeModule, nameof(LoraConfig.ExcludeModule), excluded.Entries[entry], entry);
        }

        entry = saved.Find(name);
        return entry < 0 ? null : By(name, TargetRule.ModulesToSave, nameof(LoraConfig.ModulesToSave), savedEntries[entry], entry);
    }

    private TargetDecision? Target(string name)
    {
        if (targetPattern is not null)
        {
            return targetPattern.Matches(name) ? By(name, TargetRule.TargetPattern, nameof(LoraConfig.TargetPattern), targetPattern.Pattern, 0) : null;
        }

        // Before the endings: PEFT does not ask for the layer of a module that is listed by its whole name.
        int exact = targets.FindExact(name);
        if (exact >= 0)
        {
            return By(name, TargetRule.TargetName, listName, targets.Entries[exact], exact);
        }

        int ending = endings ? targets.FindEnding(name) : -1;
        return ending < 0 ? null : ByEnding(name, ending);
    }

    private TargetDecision ByEnding(string name, int index)
    {
        int? layer = layers?.LayerOf(name);
        TargetRule rule = layers switch
        {
            null => TargetRule.TargetEnding,
            _ when layer is null => TargetRule.NoLayer,
            _ => layers.Includes(layer.Value) ? TargetRule.TargetEnding : TargetRule.OtherLayer,
        };
        return By(name, rule, listName, targets.Entries[index], index) with { Layer = layer };
    }

    private static TargetDecision By(string name, TargetRule rule, string list, string entry, int index) =>
        new() { Name = name, Rule = rule, List = list, Entry = entry, EntryIndex = index };
}
