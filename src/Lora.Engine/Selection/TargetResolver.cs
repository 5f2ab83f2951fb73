namespace Lora.Selection;

/// <summary>Says what a configuration means for a model, from the module names alone: nothing is loaded or changed.</summary>
public static class TargetResolver
{
    /// <summary>The target that, in PEFT, stands for an adapter without targets.</summary>
    private const string NoTargetsMeant = "dummy-target-modules";

    /// <summary>The kinds of modules that LoRA adapts; weights of experts are parameters, and chosen as such.</summary>
    public static IReadOnlyList<LoraModuleKind> AdaptedKinds { get; } =
        [LoraModuleKind.Linear, LoraModuleKind.Conv1D, LoraModuleKind.Embedding, LoraModuleKind.Conv2d];

    /// <summary>Decides about every module and finds each target's rank and scaling.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="modules">The model's modules that hold tensors, in its order.</param>
    /// <param name="containers">The names of the modules that only hold others; a target that matches one is an error.</param>
    /// <param name="modelType">The model_type of config.json, for default targets and for the output layer of <c>all-linear</c>; null when unknown.</param>
    /// <param name="allowUnmatched">Reports entries that match nothing as warnings of the result instead of as errors.</param>
    /// <exception cref="LoraException">All problems at once: those of <see cref="LoraConfigRules"/>, or else TargetNotFound, NoTargets, TargetKindUnsupported;
    /// also PatternTimeout.</exception>
    public static ResolvedTargets Resolve(
        LoraConfig config, IReadOnlyList<LoraModuleInfo> modules, IReadOnlyList<string> containers, string? modelType, bool allowUnmatched = false)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(modules);
        ArgumentNullException.ThrowIfNull(containers);
        LoraException.ThrowIfAny(LoraConfigRules.Check(config));

        string[] names = [.. modules.Where(module => module.Parameter is null).Select(module => module.Name), .. containers];
        // First of all: what a task trains whole is no target, whatever the entries say.
        config = TaskHeads.Apply(config, names);
        TargetSource source = TargetSource.Of(config, modules, modelType);
        LoraConfig minimal = MinimalTargets.Apply(source.Config, names);
        // The list that PEFT would have decides; what is counted below are the entries that the user wrote.
        TargetSelector selector = new(minimal, source.ListName);
        ParameterTargets parameters = new(config, modules);
        TargetDecision[] byModule = [.. modules.Select(module => module.Parameter is null ? selector.Decide(module.Name) : parameters.Decide(module)!)];
        TargetDecision[] decisions = [.. modules.Zip(byModule, (module, decision) => parameters.Decide(module) ?? decision), .. containers.Select(selector.Decide)];
        string[] saved = SavedModules.WholeNames(config.ModulesToSave ?? [], names);
        ResolvedTarget[] targets = Targets(config, modules, decisions, parameters);
        IReadOnlyList<LoraTargetEntry> entries = [.. new EntryCounter(source.Config, source.ListName, names, decisions).Count(targets), .. parameters.Count()];

        LoraProblem[] unmatched = [.. UnmatchedEntries.Find(entries, source.IsDefault, names, modules)];
        List<LoraProblem> problems =
        [
            .. UnsupportedKinds(modules, decisions), .. parameters.Problems(byModule.Where(decision => decision is { Targeted: true, IsParameter: false }).Select(decision => decision.Name), saved),
            .. targets.SelectMany(target => TargetLimits.Check(config, target)), .. allowUnmatched ? [] : unmatched,
        ];
        IReadOnlyList<TokenRows> tokens = TokenTargets.Find(config, modules, targets, saved, problems);
        if (problems.Count == 0 && targets.Length == 0 && config.TargetPattern != NoTargetsMeant)
        {
            // What the entries were probably meant as comes with it: no result will tell.
            problems.AddRange([new(LoraError.NoTargets, config, NoTargetsReason.Of(source.Config, decisions)), .. unmatched]);
        }

        LoraException.ThrowIfAny(problems);

        // Of entries that others stood in for, or that nobody wrote, it is no news that they never decide.
        IEnumerable<LoraTargetEntry> written = source.IsDefault || minimal != source.Config ? entries.Where(entry => entry.List != source.ListName) : entries;
        return new()
        {
            Targets = targets,
            Saved = saved,
            Tokens = tokens,
            Decisions = decisions,
            Entries = entries,
            Warnings = unmatched,
            Notes =
            [
                .. TargetNotes.Of(modules, targets), .. new EntryNotes(minimal, source.ListName, decisions).Of([.. written]), .. PatternNotes.Of(config, modules, names),
                .. TextPath.Notes(modules, decisions), .. TargetNotes.OfSaved(saved, names), .. LayerNotes.Of(config, modules, decisions), .. MixtureNotes.Of(modules, targets), .. TokenTargets.Notes(config, modules, tokens),
            ],
        };
    }

    private static ResolvedTarget[] Targets(LoraConfig config, IReadOnlyList<LoraModuleInfo> modules, TargetDecision[] decisions, ParameterTargets parameters)
    {
        PatternTable ranks = new(config.RankPattern);
        PatternTable alphas = new(config.AlphaPattern);
        return
        [
            .. modules.Zip(decisions).Where(pair => pair.Second is { Targeted: true, IsParameter: false } && AdaptedKinds.Contains(pair.First.Kind)).Select(pair => Target(pair.First)),
            .. parameters.Parameters.Select(Target),
        ];

        ResolvedTarget Target(LoraModuleInfo module)
        {
            int rank = (int)ranks.ValueOf(module.Name, config.Rank);
            double alpha = alphas.ValueOf(module.Name, config.Alpha);
            return new(module, rank, alpha, config.ScalingOf(rank, alpha));
        }
    }

    /// <summary>One problem for each entry and kind, so that a pattern which is too wide does not fill the screen.</summary>
    private static IEnumerable<LoraProblem> UnsupportedKinds(IReadOnlyList<LoraModuleInfo> modules, TargetDecision[] decisions)
    {
        const int Shown = 3;
        return decisions
            .Select((decision, index) => (Decision: decision, Kind: index < modules.Count ? modules[index].Kind : (LoraModuleKind?)null))
            .Where(pair => pair.Decision is { Targeted: true, IsParameter: false } && !(pair.Kind is LoraModuleKind kind && AdaptedKinds.Contains(kind)))
            .GroupBy(pair => (pair.Decision.Entry, pair.Kind), pair => pair.Decision.Name)
            .Select(group =>
            {
                string[] names = [.. group];
                string more = names.Length > Shown ? $" and {names.Length - Shown} more" : "";
                string kind = group.Key.Kind?.ToString() ?? "Container";
                return new LoraProblem(LoraError.TargetKindUnsupported, names, string.Join(", ", names.Take(Shown)) + more, kind, string.Join(", ", AdaptedKinds));
            });
    }
}
