using System.Collections;
using System.Management.Automation;

namespace Lora.Commands;

/// <summary>A cmdlet that makes configurations: <see cref="LoraConfig"/> as parameters, each of which changes what it is given for.</summary>
public abstract class ConfigCmdlet : LoraCmdlet
{
    private static readonly string[] TargetParameters =
        [nameof(TargetModule), nameof(TargetPattern), nameof(TargetParameter), nameof(ExcludeModule), nameof(ExcludePattern), nameof(Layer), nameof(LayerPattern)];

    /// <summary>Whole names or dotted endings of the modules to adapt (PEFT's target_modules as a list).</summary>
    [Parameter(Position = 0)]
    [Alias("Target")]
    [ArgumentCompleter(typeof(TargetModuleCompleter))]
    public string[]? TargetModule { get; set; }

    /// <summary>A Python regular expression for whole names, or <c>all-linear</c> (PEFT's target_modules as a string).</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(TargetPatternCompleter))]
    public string? TargetPattern { get; set; }

    /// <summary>Whole names or dotted endings of parameters to adapt (PEFT's target_parameters), as the weights of all experts of a block in one.</summary>
    [Parameter]
    [Alias("TargetParameters")]
    [ArgumentCompleter(typeof(TargetParameterCompleter))]
    public string[]? TargetParameter { get; set; }

    /// <summary>Whole names or dotted endings of modules to leave alone (PEFT's exclude_modules as a list).</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ExcludeModuleCompleter))]
    public string[]? ExcludeModule { get; set; }

    /// <summary>A Python regular expression for the whole names of modules to leave alone (PEFT's exclude_modules as a string).</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
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

    /// <summary>Tokens whose rows of the embedding are trained whole (PEFT's trainable_token_indices): names or ids, or a table of modules with them.</summary>
    [Parameter]
    [Alias("TrainableTokenIndices")]
    [ValidateNotNullOrEmpty]
    public object? TrainableToken { get; set; }

    /// <summary>Special tokens to add to the tokenizer and the vocabulary; their rows are trained.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[]? NewToken { get; set; }

    /// <summary>Keeps an embedding and a head that share a weight one, where it is trained or adapted (PEFT's ensure_weight_tying).</summary>
    [Parameter]
    public SwitchParameter EnsureWeightTying { get; set; }

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

    /// <summary>What the model is used for (PEFT's task_type): heads of classifiers and of question answering are trained whole for it.</summary>
    [Parameter]
    [ValidateSet("CAUSAL_LM", "SEQ_CLS", "TOKEN_CLS", "SEQ_2_SEQ_LM", "QUESTION_ANS", "FEATURE_EXTRACTION")]
    public string? TaskType { get; set; }

    /// <summary>The names of the parameters that were given and say which modules are adapted.</summary>
    private protected IEnumerable<string> GivenTargets => TargetParameters.Where(Given);

    /// <summary>A copy with what was given. Targets of one kind take the place of those of another; what is not given stays.</summary>
    private protected LoraConfig Changed(LoraConfig config) => config with
    {
        Module = TargetModule is null && TargetPattern is null ? config.Module : null,
        // Parameters alone: PEFT would add the default modules of the model's type.
        TargetModule = TargetModule ?? (TargetPattern is null ? config.TargetModule ?? (TargetParameter is not null && config is { Module: null, TargetPattern: null } ? [] : null) : null),
        TargetPattern = TargetPattern ?? (TargetModule is null ? config.TargetPattern : null),
        TargetParameter = TargetParameter ?? config.TargetParameter,
        ExcludeModule = ExcludeModule ?? (ExcludePattern is null ? config.ExcludeModule : null),
        ExcludePattern = ExcludePattern ?? (ExcludeModule is null ? config.ExcludePattern : null),
        LayersToTransform = Layer ?? config.LayersToTransform,
        LayersPattern = LayerPattern ?? config.LayersPattern,
        Rank = Rank ?? config.Rank,
        Alpha = Alpha ?? config.Alpha,
        Dropout = Dropout ?? config.Dropout,
        Bias = Bias ?? config.Bias,
        // A switch that is not given is false as well as -UseRsLora:$false, which switches off what the configuration has.
        UseRsLora = Given(nameof(UseRsLora)) ? UseRsLora : config.UseRsLora,
        UseDora = Given(nameof(UseDora)) ? UseDora : config.UseDora,
        UseLoraBias = Given(nameof(UseLoraBias)) ? UseLoraBias : config.UseLoraBias,
        ModulesToSave = ModuleToSave ?? config.ModulesToSave,
        NewToken = NewToken ?? config.NewToken,
        EnsureWeightTying = Given(nameof(EnsureWeightTying)) ? EnsureWeightTying : config.EnsureWeightTying,
        Initialization = Initialization ?? config.Initialization,
        RankPattern = RankPattern is null ? config.RankPattern : PatternValues.Of(nameof(RankPattern), RankPattern),
        // ValidateSet takes any case, PEFT its own.
        TaskType = TaskType?.ToUpperInvariant() ?? config.TaskType,
        AlphaPattern = AlphaPattern is null ? config.AlphaPattern : PatternValues.Of(nameof(AlphaPattern), AlphaPattern),
    };

    /// <summary>Whether a parameter was given.</summary>
    private protected bool Given(string parameter) => MyInvocation.BoundParameters.ContainsKey(parameter);
}
