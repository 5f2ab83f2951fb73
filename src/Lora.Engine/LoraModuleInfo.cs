namespace Lora;

/// <summary>One module of a model, as the checkpoint's headers and config.json describe it: no weights are read for it.</summary>
public sealed class LoraModuleInfo
{
    private ModuleScores scores;
    private string model = "";

    /// <summary>The dotted name, as PyTorch's <c>named_modules()</c> gives it; that of a parameter, as <c>named_parameters()</c> does, where one is listed.</summary>
    public string Name { get; init; } = "";

    /// <summary>The last part of the name where a parameter is listed that is no module, as the weights of all experts of a block are; null for a module.</summary>
    public string? Parameter { get; init; }

    /// <summary>What the module computes.</summary>
    public LoraModuleKind Kind { get; init; }

    /// <summary>The weight's shape as it is stored, row-major.</summary>
    public LoraShape Shape { get; init; } = [];

    /// <summary>Inputs of a Linear or Conv1D, rows of an Embedding's table, input channels of a Conv2d, width of an Expert's A; null for other kinds.</summary>
    public long? InFeatures { get; init; }

    /// <summary>Outputs of a Linear or Conv1D, width of an Embedding, output channels of a Conv2d, height of an Expert's B; null for other kinds.</summary>
    public long? OutFeatures { get; init; }

    /// <summary>How many experts the parameter has the weights of; null for other kinds than Expert.</summary>
    public long? ExpertCount { get; init; }

    /// <summary>The dtype of the weight on disk, for example <c>BF16</c>.</summary>
    public string DataType { get; init; } = "";

    /// <summary>How the weight is quantised in the files, for example <c>GPTQ 4-bit</c>; null when it is plain numbers. Shape, features and parameters
    /// are those of the matrix that it stands for.</summary>
    public string? Quantization { get; init; }

    /// <summary>The number of values in the module's own tensors (weight, bias, ...).</summary>
    public long ParameterCount { get; init; }

    /// <summary>The part of a model that sees or hears: text, vision, audio, or the connector between them. Text in a language model alone; null in a model
    /// without one.</summary>
    public LoraModulePart? Part { get; init; }

    /// <summary>The number of the block that holds the module; null outside the blocks. The members of a Sequential are no blocks.</summary>
    public int? Layer { get; init; }

    /// <summary>What the module is in its block: the last part of the name, or in a mixture of experts <c>router</c>, and <c>expert.</c> or
    /// <c>shared_expert.</c> before the last part.</summary>
    public string Role { get; init; } = "";

    /// <summary>The module whose weight this one shares (a tied output head); null when the weight is its own.</summary>
    public string? TiedTo { get; init; }

    /// <summary>The model's folder, or the file when a single file was listed.</summary>
    public string Model
    {
        get => model;
        init => model = value;
    }

    /// <summary>The file name of the shard that holds the weight.</summary>
    public string File { get; init; } = "";

    /// <summary>The Frobenius norm of the weight; null until Measure-LoraModule has taken it, as all scores are.</summary>
    public double? Norm
    {
        get => scores.Norm;
        init => scores = scores with { Norm = value };
    }

    /// <summary>The largest singular value of the weight over the smallest (<see cref="LoraModuleScore.ConditionNumber"/>).</summary>
    public double? ConditionNumber
    {
        get => scores.ConditionNumber;
        init => scores = scores with { ConditionNumber = value };
    }

    /// <summary>The weight's signal over its noise (<see cref="LoraModuleScore.SignalToNoise"/>).</summary>
    public double? SignalToNoise
    {
        get => scores.SignalToNoise;
        init => scores = scores with { SignalToNoise = value };
    }

    /// <summary>The effective rank of the weight (<see cref="LoraModuleScore.EffectiveRank"/>).</summary>
    public double? EffectiveRank
    {
        get => scores.EffectiveRank;
        init => scores = scores with { EffectiveRank = value };
    }

    /// <summary>The norm of the gradient that an adapter's B would begin with (<see cref="LoraModuleScore.Gradient"/>).</summary>
    public double? Gradient
    {
        get => scores.Gradient;
        init => scores = scores with { Gradient = value };
    }

    /// <summary>The Fisher information of that B (<see cref="LoraModuleScore.Fisher"/>).</summary>
    public double? Fisher
    {
        get => scores.Fisher;
        init => scores = scores with { Fisher = value };
    }

    /// <summary>The mean square of the module's inputs (<see cref="LoraModuleScore.Activation"/>).</summary>
    public double? Activation
    {
        get => scores.Activation;
        init => scores = scores with { Activation = value };
    }

    /// <summary>Whether the matrices of an Expert are stored [in, out].</summary>
    internal bool HasInputsFirst { get; init; }

    /// <summary>The dotted name of the module: of a parameter, that of the module that holds it.</summary>
    internal string Owner => Parameter is null ? Name : Name == Parameter ? "" : Name[..^(Parameter.Length + 1)];

    /// <summary>The name that the listing has: the weight of an ordinary module is not listed by itself.</summary>
    internal string Listed => Parameter == "weight" ? Owner : Name;

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>A copy with further scores; those that are not among them stay.</summary>
    internal LoraModuleInfo With(ModuleScores taken)
    {
        LoraModuleInfo copy = (LoraModuleInfo)MemberwiseClone();
        copy.scores = scores.With(taken);
        return copy;
    }

    /// <summary>The same module of the model at a path, for one that was listed where the model is not.</summary>
    /// <param name="path">The model's folder or file.</param>
    public LoraModuleInfo At(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        LoraModuleInfo copy = (LoraModuleInfo)MemberwiseClone();
        copy.model = path;
        return copy;
    }
}

/// <summary>What a part of a model is for.</summary>
public enum LoraModulePart
{
    /// <summary>The language model.</summary>
    Text,

    /// <summary>What sees.</summary>
    Vision,

    /// <summary>What hears.</summary>
    Audio,

    /// <summary>What hands on to the language model what was seen or heard.</summary>
    Connector,
}
