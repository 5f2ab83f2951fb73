using System.Collections;
using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Says what is adapted and how: from the modules of a pipeline, from PEFT's lists and patterns, or from a file.</summary>
[Cmdlet(VerbsCommon.New, "LoraConfig", DefaultParameterSetName = ModuleSet, HelpUri = HelpAddress.Commands)]
[OutputType(typeof(LoraConfig))]
public sealed class NewLoraConfigCommand : LoraCmdlet
{
    private const string ModuleSet = "Module";
    private const string TargetSet = "Target";
    private const string FileSet = "File";

    private readonly List<LoraModuleInfo> modules = [];

    /// <summary>The modules to adapt, exactly these. Not mandatory, since modules are not typed: a prompt for them would ask in vain.</summary>
    [Parameter(ParameterSetName = ModuleSet, ValueFromPipeline = true)]
    public LoraModuleInfo[] InputObject { get; set; } = [];

    /// <summary>Dotted globs of piped modules to leave out.</summary>
    [Parameter(ParameterSetName = ModuleSet)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ModuleGlobCompleter))]
    public string[] Exclude { get; set; } = [];

    /// <summary>Whole names or dotted endings of the modules to adapt (PEFT's target_modules as a list).</summary>
    [Parameter(ParameterSetName = TargetSet)]
    [Parameter(ParameterSetName = FileSet)]
    [ArgumentCompleter(typeof(TargetModuleCompleter))]
    public string[]? TargetModule { get; set; }

    /// <summary>A Python regular expression for whole names, or <c>all-linear</c> (PEFT's target_modules as a string).</summary>
    [Parameter(ParameterSetName = TargetSet)]
    [Parameter(ParameterSetName = FileSet)]
    [ArgumentCompleter(typeof(TargetPatternCompleter))]
    public string? TargetPattern { get; set; }

    /// <summary>Whole names or dotted endings of modules to leave alone (PEFT's exclude_modules as a list).</summary>
    [Parameter(ParameterSetName = TargetSet)]
    [Parameter(ParameterSetName = FileSet)]
    [ArgumentCompleter(typeof(ExcludeModuleCompleter))]
    public string[]? ExcludeModule { get; set; }

    /// <summary>A Python regular expression for the whole names of modules to leave alone (PEFT's exclude_modules as a string).</summary>
    [Parameter(ParameterSetName = TargetSet)]
    [Parameter(ParameterSetName = FileSet)]
    [ArgumentCompleter(typeof(ExcludePatternCompleter))]
    public string? ExcludePattern { get; set; }

    /// <summary>The layer numbers that TargetModule's endings apply to (PEFT's layers_to_transform).</summary>
    [Parameter(ParameterSetName = TargetSet)]
    [Parameter(ParameterSetName = FileSet)]
    [Alias("LayersToTransform")]
    [ArgumentCompleter(typeof(LayerCompleter))]
    public int[]? Layer { get; set; }

    /// <summary>The name part before the layer number (PEFT's layers_pattern).</summary>
    [Parameter(ParameterSetName = TargetSet)]
    [Parameter(ParameterSetName = FileSet)]
    [Alias("LayersPattern")]
    [ArgumentCompleter(typeof(LayerPatternCompleter))]
    public string[]? LayerPattern { get; set; }

    /// <summary>The base model's folder; with it, targets that match nothing are found at once.</summary>
    [Parameter(ParameterSetName = TargetSet)]
    [Parameter(ParameterSetName = FileSet)]
    public string? Model { get; set; }

    /// <summary>An adapter_config.json, or an adapter's folder, to start from; the other parameters change it.</summary>
    [Parameter(ParameterSetName = FileSet, Mandatory = true)]
    public string Path { get; set; } = "";

    /// <summary>The width of the low-rank product.</summary>
    [Parameter]
    [Alias("r")]
    [ValidateRange(1, int.MaxValue)]
    public int Rank { get; set; }

    /// <summary>The numerator of the scaling.</summary>
    [Parameter]
    [Alias("LoraAlpha")]
    [ValidateRange(0.0, double.MaxValue)]
    public double Alpha { get; set; }

    /// <summary>The share of the adapter's input that is dropped while training.</summary>
    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double Dropout { get; set; }

    /// <summary>Which biases are trained too.</summary>
    [Parameter]
    public LoraBias Bias { get; set; }

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
    protected override void ProcessInput() => modules.AddRange(InputObject);

    /// <inheritdoc/>
    protected override void EndWork()
    {
        LoraConfig[] configs = ParameterSetName == ModuleSet
            ? [.. ChosenModules.Configs(modules, Exclude, WriteWarning).Select(Apply)]
            : [Apply(Start())];
        LoraException.ThrowIfAny([.. configs.SelectMany(config => LoraConfigRules.Check(config))]);
        foreach (LoraConfig config in configs)
        {
            ModelCheck.Run(config, AllowUnmatched, WriteWarning);
            WriteObject(config);
        }
    }

    private LoraConfig Start() => ParameterSetName == FileSet ? ConfigFile.Read(new PathResolver(this).One(Path)) : new();

    private LoraConfig Apply(LoraConfig config) => config with
    {
        TargetModule = TargetModule ?? (TargetPattern is null ? config.TargetModule : null),
        TargetPattern = TargetPattern ?? (TargetModule is null ? config.TargetPattern : null),
        ExcludeModule = ExcludeModule ?? (ExcludePattern is null ? config.ExcludeModule : null),
        ExcludePattern = ExcludePattern ?? (ExcludeModule is null ? config.ExcludePattern : null),
        LayersToTransform = Layer ?? config.LayersToTransform,
        LayersPattern = LayerPattern ?? config.LayersPattern,
        Model = Model is null ? config.Model : new PathResolver(this).One(Model),
        Rank = Given(nameof(Rank)) ? Rank : config.Rank,
        Alpha = Given(nameof(Alpha)) ? Alpha : config.Alpha,
        Dropout = Given(nameof(Dropout)) ? Dropout : config.Dropout,
        Bias = Given(nameof(Bias)) ? Bias : config.Bias,
        UseRsLora = Given(nameof(UseRsLora)) ? UseRsLora : config.UseRsLora,
        UseDora = Given(nameof(UseDora)) ? UseDora : config.UseDora,
        ModulesToSave = ModuleToSave ?? config.ModulesToSave,
        UseLoraBias = Given(nameof(UseLoraBias)) ? UseLoraBias : config.UseLoraBias,
        Initialization = Initialization ?? config.Initialization,
        RankPattern = RankPattern is null ? config.RankPattern : PatternValues.Of(nameof(RankPattern), RankPattern),
        AlphaPattern = AlphaPattern is null ? config.AlphaPattern : PatternValues.Of(nameof(AlphaPattern), AlphaPattern),
    };

    private bool Given(string parameter) => MyInvocation.BoundParameters.ContainsKey(parameter);
}
