using System.Globalization;

namespace Lora;

/// <summary>What is adapted and how: PEFT's LoraConfig as far as the engine supports it. Checked by <see cref="LoraConfigRules"/>.</summary>
/// <remarks>
/// Targets come from one of three: exact names (<see cref="Module"/>), a list of dotted endings (<see cref="TargetModule"/>)
/// or a pattern (<see cref="TargetPattern"/>). With none of them the model type's default targets are taken. Parameters (<see cref="TargetParameter"/>) come
/// beside them.
/// An empty text means the same as null, since PowerShell makes one of the other when it binds a hashtable or what a job returned.
/// </remarks>
public sealed record LoraConfig
{
    private const int EntriesShown = 8;

    /// <summary>r: the rows of A and the columns of B.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>The numerator of the scaling; see <see cref="ScalingOf"/>.</summary>
    public double Alpha { get; init; } = 32;

    /// <summary>The share of the adapter's inputs that is dropped while training, from 0 to below 1.</summary>
    public double Dropout { get; init; }

    /// <summary>Which biases are trained too.</summary>
    public LoraBias Bias { get; init; }

    /// <summary>Divides alpha by the square root of the rank instead of the rank (rank-stabilised LoRA, arXiv 2312.03732).</summary>
    public bool UseRsLora { get; init; }

    /// <summary>Trains the weight's magnitude apart from its direction (DoRA, arXiv 2402.09353).</summary>
    public bool UseDora { get; init; }

    /// <summary>Gives B a bias.</summary>
    public bool UseLoraBias { get; init; }

    /// <summary>How A and B begin, as in PEFT's init_lora_weights: <c>true</c>, <c>false</c>, <c>gaussian</c>, <c>orthogonal</c>, <c>olora</c>,
    /// <c>pissa</c> or <c>pissa_niter_</c> with a number.</summary>
    public string Initialization { get; init; } = "true";

    /// <summary>Exact dotted names of the modules to adapt, when they were chosen from a model's listing.</summary>
    public string[]? Module { get; init; }

    /// <summary>Whole names or dotted endings of the modules to adapt; no wildcards.</summary>
    public string[]? TargetModule { get; init; }

    /// <summary>A Python regular expression that must match the whole name, or <c>all-linear</c>.</summary>
    public string? TargetPattern { get; init => field = NullIfEmpty(value); }

    /// <summary>Whole names or dotted endings of parameters to adapt (PEFT's target_parameters), such as the weights of all experts of a block in one; no wildcards.</summary>
    public string[]? TargetParameter { get; init; }

    /// <summary>Whole names or dotted endings of modules that are left alone; what lies below such a module is not meant.</summary>
    public string[]? ExcludeModule { get; init; }

    /// <summary>A Python regular expression; modules whose whole name it matches are left alone.</summary>
    public string? ExcludePattern { get; init => field = NullIfEmpty(value); }

    /// <summary>The layer numbers that dotted endings apply to; null or empty for all. Whole names are not filtered.</summary>
    public int[]? LayersToTransform { get; init; }

    /// <summary>The name parts before the layer number (<c>layers</c>, <c>h</c>), as regular expressions; the first that matches gives the number.</summary>
    public string[]? LayersPattern { get; init; }

    /// <summary>Other ranks for some modules; the first pattern that matches decides.</summary>
    public LoraPatternValue[]? RankPattern { get; init; }

    /// <summary>Other alphas for some modules; the first pattern that matches decides.</summary>
    public LoraPatternValue[]? AlphaPattern { get; init; }

    /// <summary>Modules that are trained whole and saved with the adapter; they and all below them get no LoRA.</summary>
    public string[]? ModulesToSave { get; init; }

    /// <summary>Tokens whose rows of the embedding are trained whole (PEFT's trainable_token_indices): a list of ids, or of modules with ids.</summary>
    public LoraTrainableToken[]? TrainableToken { get; init; }

    /// <summary>Special tokens that are added to the tokenizer and the vocabulary, each with a row of its own that begins as the mean of the others and is trained.</summary>
    public string[]? NewToken { get; init; }

    /// <summary>Trains and saves an embedding and a head that share a weight as one, where either is trained whole, adapted, or trained by its rows.</summary>
    public bool EnsureWeightTying { get; init; }

    /// <summary>Says that the adapted weights are stored [in, out].</summary>
    public bool FanInFanOut { get; init; }

    /// <summary>PEFT's task type, or null.</summary>
    public string? TaskType { get; init => field = NullIfEmpty(value); } = "CAUSAL_LM";

    /// <summary>The base model's folder; it is not part of adapter_config.json.</summary>
    public string? Model { get; init => field = NullIfEmpty(value); }

    /// <summary>The base model's id or path as adapter_config.json names it.</summary>
    public string? BaseModelNameOrPath { get; init => field = NullIfEmpty(value); }

    /// <summary>The base model's revision.</summary>
    public string? Revision { get; init => field = NullIfEmpty(value); }

    /// <summary>The other keys of the file that the configuration was read from, as the text of one JSON object; null when it was made here.</summary>
    /// <remarks>Text rather than parsed values, so that it survives jobs and remoting and compares by value.</remarks>
    public string? OtherKeys { get; init => field = NullIfEmpty(value); }

    /// <summary>Rows that embedding and head have where a vocabulary comes with the adapter; null for the model's own.</summary>
    internal int? VocabularySize { get; init; }

    /// <summary>What is adapted, as one text: the entries, the pattern, or how many modules.</summary>
    public string Target => string.Join(", ", new[] { Modules, Parameters }.OfType<string>());

    /// <summary>The factor of B A x for modules that have the rank and the alpha of no pattern.</summary>
    public double Scaling => ScalingOf(Rank, Alpha);

    /// <summary>The factor of B A x: alpha / r, or alpha / sqrt(r) with <see cref="UseRsLora"/>.</summary>
    public double ScalingOf(int rank, double alpha) => alpha / (UseRsLora ? Math.Sqrt(rank) : rank);

    private string? Modules => this switch
    {
        { Module: string[] names } => names.Length == 1 ? names[0] : Count(names.Length, "modules"),
        { TargetModule: { Length: 0 } } when TargetParameter is { Length: > 0 } => null,
        { TargetModule: string[] entries } when entries.Length > EntriesShown => Count(entries.Length, "targets"),
        { TargetModule: string[] entries } => string.Join(", ", entries),
        { TargetPattern: string pattern } => pattern,
        _ => "default targets",
    };

    private string? Parameters => TargetParameter switch
    {
        null or { Length: 0 } => null,
        { Length: > EntriesShown } => Count(TargetParameter.Length, "parameters"),
        string[] entries => string.Join(", ", entries),
    };

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"rank {Rank}, alpha {Alpha}, {Target}");

    private static string Count(int count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}");

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
