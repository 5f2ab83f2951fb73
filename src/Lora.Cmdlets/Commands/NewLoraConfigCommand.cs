using System.Collections;
using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Says what is adapted and how: from the modules of a pipeline, from PEFT's lists and patterns, or as a changed copy of what there is.</summary>
[Cmdlet(VerbsCommon.New, "LoraConfig", DefaultParameterSetName = TargetSet, HelpUri = HelpAddress.Pages + "New-LoraConfig.md")]
[OutputType(typeof(LoraConfig))]
public sealed class NewLoraConfigCommand : LoraCmdlet
{
    private const string TargetSet = "Target";
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    private static readonly string[] TargetParameters =
        [nameof(TargetModule), nameof(TargetPattern), nameof(ExcludeModule), nameof(ExcludePattern), nameof(Layer), nameof(LayerPattern), nameof(Model)];

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

    /// <summary>Whole names or dotted endings of the modules to adapt (PEFT's target_modules as a list).</summary>
    [Parameter(Position = 0)]
    [Alias("Target")]
    [ArgumentCompleter(typeof(TargetModuleCompleter))]
    public string[]? TargetModule { get; set; }

    /// <summary>A Python regular expression for whole names, or <c>all-linear</c> (PEFT's target_modules as a string).</summary>
    [Parameter]
    [ArgumentCompleter(typeof(TargetPatternCompleter))]
    public string? TargetPattern { get; set; }

    /// <summary>Whole names or dotted endings of modules to leave alone (PEFT's exclude_modules as a list).</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ExcludeModuleCompleter))]
    public string[]? ExcludeModule { get; set; }

    /// <summary>A Python regular expression for the whole names of modules to leave alone (PEFT's exclude_modules as a string).</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ExcludePatternCompleter))]
    public string? ExcludePattern { get; set; }

    /// <summary>The layer numbers that TargetModule's endings apply to (PEFT's layers_to_transform).</summary>
    [Parameter]
    [Alias("LayersToTransform")]
    [ArgumentCompleter(typeof(LayerCompleter))]
    public int[]? Layer { get; set; }

    /// <summary>The name part before the layer number (PEFT's layers_pattern).</summary>
    [Parameter]
    [Alias("LayersPattern")]
    [ArgumentCompleter(typeof(LayerPatternCompleter))]
    public string[]? LayerPattern { get; set; }

    /// <summary>The base model; with it, targets that match nothing are found at once.</summary>
    [Parameter]
    [Recorded<ModelArgument>]
    public ModelArgument? Model { get; set; }

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

    /// <summary>The width of the low-rank product.</summary>
    [Parameter]
    [Alias("r")]
    [ValidateRange(1, int.MaxValue)]
    public int? Rank { get; set; }

    /// <summary>The numerator of the scaling.</summary>
    [Parameter]
    [Alias("LoraAlpha")]
    [ValidateRange(0.0, double.MaxValue)]
    public double? Alpha { get; set; }

    /// <summary>The share of the adapter's input that is dropped while training.</summary>
    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double? Dropout { get; set; }

    /// <summary>Which biases are trained too.</summary>
    [Parameter]
    public LoraBias? Bias { get; set; }

    /// <summary>Divides alpha by the square root of the rank.</summary>
    [Parameter]
    public SwitchParameter UseRsLora { get; set; }

    /// <summary>Trains the weights' magnitudes apart from their directions (DoRA).</summary>
    [Parameter]
    public SwitchParameter UseDora { get; set; }

    /// <summary>Gives each B a bias (PEFT's lora_bias).</summary>
    [Parameter]
    public SwitchParameter UseLoraBias { get; set; }

    /// <summary>Modules to train whole and save with the adapter (PEFT's modules_to_save): whole names or dotted endings.</summary>
    [Parameter]
    [Alias("ModulesToSave")]
    [ArgumentCompleter(typeof(ModuleToSaveCompleter))]
    public string[]? ModuleToSave { get; set; }

    /// <summary>How A and B begin (PEFT's init_lora_weights).</summary>
    [Parameter]
    [ArgumentCompleter(typeof(InitializationCompleter))]
    public string? Initialization { get; set; }

    /// <summary>Other ranks for some modules: patterns to ranks, the first that matches decides. Use [ordered]@{} when order matters.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(PatternTableCompleter))]
    public IDictionary? RankPattern { get; set; }

    /// <summary>Other alphas for some modules: patterns to alphas, the first that matches decides.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(PatternTableCompleter))]
    public IDictionary? AlphaPattern { get; set; }

    /// <summary>Makes targets that match nothing in the model a warning.</summary>
    [Parameter]
    public SwitchParameter AllowUnmatched { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        PathResolver paths = new(this);
        string? model = BaseModel.Named(Model, paths);
        hasInput |= InputObject.Length > 0;
        modules.AddRange(InputObject.Select(input => input.Module).OfType<LoraModuleInfo>());
        foreach (ConfigArgument start in InputObject.Where(input => input.Module is null).Select(input => input.Config).Concat(Files(paths)))
        {
            RefuseExclude();
            if (Reported(() => Checked(start.Read(paths), model, paths)) is LoraConfig config)
            {
                WriteObject(config);
            }
        }
    }

    /// <inheritdoc/>
    protected override void EndWork()
    {
        PathResolver paths = new(this);
        string[] targets = [.. TargetParameters.Where(Given)];
        bool isBegun = hasInput || ParameterSetName != TargetSet;
        if (modules.Count > 0 && targets.Length > 0)
        {
            throw LoraException.Of(LoraError.ConfigConflict, targets[0], $"piped modules are adapted exactly as they are, and -{string.Join(", -", targets)} says otherwise");
        }

        if (modules.Count > 0 || (!isBegun && (MyInvocation.ExpectingInput || targets.Length == 0)))
        {
            WriteObject(ChosenModules.Configs(modules, Exclude, WriteWarning).Select(config => Checked(config, null, paths)), enumerateCollection: true);
        }
        else if (!isBegun)
        {
            RefuseExclude();
            WriteObject(Checked(new(), BaseModel.Named(Model, paths), paths));
        }
    }

    private IEnumerable<ConfigArgument> Files(PathResolver paths) => Path.SelectMany(path => Reported(() => paths.All(path)) ?? [])
        .Concat(LiteralPath.Select(path => Reported(() => paths.Literal(path))).OfType<string>())
        .Select(file => new ConfigArgument { Value = file });

    private void RefuseExclude()
    {
        if (Exclude.Length > 0)
        {
            throw LoraException.Of(LoraError.ConfigConflict, Exclude[0], "-Exclude leaves out piped modules, and a configuration has -ExcludeModule and -ExcludePattern");
        }
    }

    /// <summary>A copy with what was given, checked by itself and with its model.</summary>
    private LoraConfig Checked(LoraConfig start, string? model, PathResolver paths)
    {
        LoraConfig config = BaseModel.Fill(Changed(start), model, paths);
        LoraException.ThrowIfAny(LoraConfigRules.Check(config));
        ModelCheck.Run(config, AllowUnmatched, WriteWarning);
        return config;
    }

    // Targets of one kind take the place of those of another; what is not given stays.
    private LoraConfig Changed(LoraConfig config) => config with
    {
        Module = TargetModule is null && TargetPattern is null ? config.Module : null,
        TargetModule = TargetModule ?? (TargetPattern is null ? config.TargetModule : null),
        TargetPattern = TargetPattern ?? (TargetModule is null ? config.TargetPattern : null),
        ExcludeModule = ExcludeModule ?? (ExcludePattern is null ? config.ExcludeModule : null),
        ExcludePattern = ExcludePattern ?? (ExcludeModule is null ? config.ExcludePattern : null),
        LayersToTransform = Layer ?? config.LayersToTransform,
        LayersPattern = LayerPattern ?? config.LayersPattern,
        Rank = Rank ?? config.Rank,
        Alpha = Alpha ?? config.Alpha,
        Dropout = Dropout ?? config.Dropout,
        Bias = Bias ?? config.Bias,
        UseRsLora = Given(nameof(UseRsLora)) ? UseRsLora : config.UseRsLora,
        UseDora = Given(nameof(UseDora)) ? UseDora : config.UseDora,
        UseLoraBias = Given(nameof(UseLoraBias)) ? UseLoraBias : config.UseLoraBias,
        ModulesToSave = ModuleToSave ?? config.ModulesToSave,
        Initialization = Initialization ?? config.Initialization,
        RankPattern = RankPattern is null ? config.RankPattern : PatternValues.Of(nameof(RankPattern), RankPattern),
        AlphaPattern = AlphaPattern is null ? config.AlphaPattern : PatternValues.Of(nameof(AlphaPattern), AlphaPattern),
    };

    private bool Given(string parameter) => MyInvocation.BoundParameters.ContainsKey(parameter);
}
