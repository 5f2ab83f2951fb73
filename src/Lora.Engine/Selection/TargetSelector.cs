namespace Lora.Selection;

/// <summary>Decides for one module name after another whether it is adapted, as PEFT does: the first rule that applies wins.</summary>
/// <remarks>
/// Excluding goes before all, then what is trained whole. A pattern must match the whole name. An entry that equals the name is a target in every
/// layer; one that is an ending after a dot only in the layers asked for. Exact names (<see cref="LoraConfig.Module"/>) are never endings.
/// </remarks>
public sealed class TargetSelector
{
    private readonly string _listName;
    private readonly SuffixTable _targets;
    private readonly bool _endings;
    private readonly PythonRegex? _targetPattern;
    private readonly SuffixTable _excluded;
    private readonly PythonRegex? _excludePattern;
    private readonly string[] _savedEntries;
    private readonly SavedModules _saved;
    private readonly LayerFilter? _layers;

    /// <summary>Makes the selector of a configuration, in which <c>all-linear</c> and default targets are resolved already.</summary>
    /// <exception cref="LoraException">PatternInvalid.</exception>
    public TargetSelector(LoraConfig config)
        : this(config, config?.Module is null ? nameof(LoraConfig.TargetModule) : nameof(LoraConfig.Module))
    {
    }

    internal TargetSelector(LoraConfig config, string listName)
    {
        ArgumentNullException.ThrowIfNull(config);
        _listName = listName;
        _targets = new(config.Module ?? config.TargetModule ?? []);
        _endings = config.Module is null;
        _targetPattern = config.TargetPattern is string pattern ? PythonRegex.Whole(pattern) : null;
        _excluded = new(config.ExcludeModule ?? []);
        _excludePattern = config.ExcludePattern is { Length: > 0 } excluded ? PythonRegex.Whole(excluded) : null;
        _savedEntries = config.ModulesToSave ?? [];
        _saved = new(_savedEntries);
        _layers = LayerFilter.Of(config);
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
        if (_excludePattern?.Matches(name) == true)
        {
            return By(name, TargetRule.ExcludePattern, nameof(LoraConfig.ExcludePattern), _excludePattern.Pattern, 0);
        }

        int excluded = _excluded.Find(name);
        if (excluded >= 0)
        {
            return By(name, TargetRule.ExcludeModule, nameof(LoraConfig.ExcludeModule), _excluded.Entries[excluded], excluded);
        }

        int saved = _saved.Find(name);
        return saved < 0 ? null : By(name, TargetRule.ModulesToSave, nameof(LoraConfig.ModulesToSave), _savedEntries[saved], saved);
    }

    private TargetDecision? Target(string name)
    {
        if (_targetPattern is not null)
        {
            return _targetPattern.Matches(name) ? By(name, TargetRule.TargetPattern, nameof(LoraConfig.TargetPattern), _targetPattern.Pattern, 0) : null;
        }

        int exact = _targets.FindExact(name);
        if (exact >= 0)
        {
            return By(name, TargetRule.TargetName, _listName, _targets.Entries[exact], exact);
        }

        int ending = _endings ? _targets.FindEnding(name) : -1;
        return ending < 0 ? null : ByEnding(name, ending);
    }

    private TargetDecision ByEnding(string name, int index)
    {
        int? layer = _layers?.LayerOf(name);
        TargetRule rule = _layers switch
        {
            null => TargetRule.TargetEnding,
            _ when layer is null => TargetRule.NoLayer,
            _ => _layers.Includes(layer.Value) ? TargetRule.TargetEnding : TargetRule.OtherLayer,
        };
        return By(name, rule, _listName, _targets.Entries[index], index) with { Layer = layer };
    }

    private static TargetDecision By(string name, TargetRule rule, string list, string entry, int index) =>
        new() { Name = name, Rule = rule, List = list, Entry = entry, EntryIndex = index };
}
