using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Says what is adapted and how: from the modules of a pipeline, from PEFT's lists and patterns, or as a changed copy of what there is.</summary>
[Cmdlet(VerbsCommon.New, "LoraConfig", DefaultParameterSetName = TargetSet, HelpUri = HelpAddress.Pages + "New-LoraConfig.md")]
[OutputType(typeof(LoraConfig))]
public sealed class NewLoraConfigCommand : ConfigCmdlet
{
    private const string TargetSet = "Target";
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    private readonly List<LoraModuleInfo> modules = [];
    private bool hasInput;

    /// <summary>The modules to adapt, exactly these, or configurations to change copies of.</summary>
    [Parameter(ParameterSetName = TargetSet, ValueFromPipeline = true)]
    [Recorded<TargetArgument>(Several = true)]
    public TargetArgument[] InputObject { get; set; } = [];

    /// <summary>Dotted globs of piped modules to leave out.</summary>
    [Parameter(ParameterSetName = TargetSet)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ModuleGlobCompleter))]
    public string[] Exclude { get; set; } = [];

    /// <summary>The sum of the piped modules' ranks, spread over them by -RankBy.</summary>
    [Parameter(ParameterSetName = TargetSet)]
    [ValidateRange(1, int.MaxValue)]
    public int? RankBudget { get; set; }

    /// <summary>The score that -RankBudget goes by.</summary>
    [Parameter(ParameterSetName = TargetSet)]
    public LoraModuleScore RankBy { get; set; } = LoraModuleScore.Gradient;

    /// <summary>The base model; with it, targets that match nothing are found at once.</summary>
    [Parameter]
    [Recorded<ModelArgument>]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public ModelArgument? Model { get; set; }

    /// <summary>The branch, tag or commit of a model that -Model names as a hub does.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    public string? Revision { get; set; }

    /// <summary>adapter_config.json files, or adapters' folders, to start from; the other parameters change what was read.</summary>
    [Parameter(ParameterSetName = PathSet, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>The same, with wildcard characters standing for themselves.</summary>
    [Parameter(ParameterSetName = LiteralPathSet, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP", "FullName")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>Makes targets that match nothing in the model a warning.</summary>
    [Parameter]
    public SwitchParameter AllowUnmatched { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        PathResolver paths = new(this);
        string? model = BaseModel.Named(Model, Revision, paths);
        hasInput |= InputObject.Length > 0;
        modules.AddRange(InputObject.Select(input => input.Module).OfType<LoraModuleInfo>());
        foreach (ConfigArgument start in InputObject.Where(input => input.Module is null).Select(input => input.Config).Concat(Files(paths)))
        {
            RefuseExclude();
            RefuseBudget();
            if (Reported(() => Checked(Read(start, paths), model, paths)) is LoraConfig config)
            {
                WriteObject(config);
            }
        }
    }

    /// <inheritdoc/>
    protected override void EndWork()
    {
        PathResolver paths = new(this);
        string[] targets = [.. GivenTargets, .. new[] { nameof(Model) }.Where(Given)];
        bool isBegun = hasInput || ParameterSetName != TargetSet;
        if (modules.Count > 0 && targets.Length > 0)
        {
            throw LoraException.Of(LoraError.ConfigConflict, targets[0], $"piped modules are adapted exactly as they are, and -{string.Join(", -", targets)} says otherwise");
        }

        // No modules, and nothing else that says what to adapt: ChosenModules says so.
        if (modules.Count > 0 || (!isBegun && (MyInvocation.ExpectingInput || targets.Length == 0)))
        {
            CheckBudget();
            WriteObject(ChosenModules.Configs(modules, Exclude, WriteWarning).Select(config => Checked(Ranked(config), null, paths)), enumerateCollection: true);
        }
        else if (!isBegun)
        {
            RefuseExclude();
            RefuseBudget();
            WriteObject(Checked(new(), BaseModel.Named(Model, Revision, paths), paths));
        }
    }

    private IEnumerable<ConfigArgument> Files(PathResolver paths) => Path.SelectMany(path => Reported(() => paths.All(path)) ?? [])
        .Concat(LiteralPath.Select(path => Reported(() => paths.Literal(path))).OfType<string>())
        .Select(file => new ConfigArgument { Value = file });

    // A name without a folder in it is more often a module's than a file's that is missing.
    private static LoraConfig Read(ConfigArgument start, PathResolver paths)
    {
        try
        {
            return start.Read(paths);
        }
        catch (LoraException exception) when (exception.Error is LoraError.PathNotFound or LoraError.ModelNotCached && start.Value is string name && name.AsSpan().IndexOfAny('/', '\\') < 0)
        {
            throw LoraException.From(exception, LoraError.NotAConfig, name, name, "there is no such file or folder; names of modules go with -TargetModule");
        }
    }

    private void RefuseExclude()
    {
        if (Exclude.Length > 0)
        {
            throw LoraException.Of(LoraError.ConfigConflict, Exclude[0], "-Exclude leaves out piped modules, and a configuration has -ExcludeModule and -ExcludePattern");
        }
    }

    private void RefuseBudget()
    {
        if (RankBudget is not null)
        {
            throw LoraException.Of(LoraError.ConfigConflict, RankBudget, "-RankBudget spreads ranks over piped modules, and there are none");
        }
    }

    private void CheckBudget()
    {
        if (RankBudget is not null && (Given(nameof(RankPattern)) || Given(nameof(AlphaPattern))))
        {
            throw LoraException.Of(LoraError.ConfigConflict, RankBudget, "-RankBudget makes patterns of ranks and alphas, and -RankPattern or -AlphaPattern gives them");
        }
    }

    /// <summary>The configuration of chosen modules with ranks spread over them, where that was asked for.</summary>
    private LoraConfig Ranked(LoraConfig chosen)
    {
        if (RankBudget is not int budget)
        {
            return chosen;
        }

        HashSet<string> names = new(chosen.Module!, StringComparer.Ordinal);
        LoraModuleInfo[] scored = [.. modules.Where(module => module.Model == chosen.Model && names.Contains(module.Name)).DistinctBy(module => module.Name)];
        return Selection.RankBudget.Apply(Changed(chosen), scored, budget, RankBy);
    }

    /// <summary>A copy with what was given, checked by itself and with its model.</summary>
    private LoraConfig Checked(LoraConfig start, string? model, PathResolver paths)
    {
        LoraConfig config = BaseModel.Fill(Changed(start), model, paths);
        config = TrainableToken is null ? config : config with { TrainableToken = TrainableTokens.Of(TrainableToken, config.Model) };
        TrainableTokens.CheckNew(NewToken, config.Model);
        LoraException.ThrowIfAny(LoraConfigRules.CheckBegin(config));
        ModelCheck.Run(config, AllowUnmatched, WriteWarning);
        return config;
    }
}
