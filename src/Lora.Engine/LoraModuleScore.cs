namespace Lora;

/// <summary>What can be taken of a module to tell whether adapting it is worth its rank. A score is a hint; a training tells.</summary>
public enum LoraModuleScore
{
    /// <summary>‖W‖, the root of the sum of squares. Neither end is known to be good.</summary>
    Norm,

    /// <summary>σ₁ / (σₙ + 1e-8). Low is good: such a weight is changed with least harm to what it knows (KappaTune, arXiv 2506.16289; PEFT helpers.py).</summary>
    ConditionNumber,

    /// <summary>
    /// The sum of the singular values above a bound over the sum of the others, divided by the largest; the bound is (1 + sqrt(β)) times the
    /// spread of the values, β the shorter side over the longer. High is good (Spectrum, arXiv 2406.06623, as its code computes it).
    /// </summary>
    SignalToNoise,

    /// <summary>exp of the entropy of the singular values' shares (Roy and Vetterli 2007). High: the weight uses many directions.</summary>
    EffectiveRank,

    /// <summary>‖∂L/∂B‖ where B is zero and A is drawn as for a training; L is the mean loss of a sample. High is good: what learns first.</summary>
    Gradient,

    /// <summary>Σ ‖∂Lᵢ/∂B‖² over the rows of a sample, Lᵢ each row's mean loss: the diagonal of the empirical Fisher information. High is good.</summary>
    Fisher,

    /// <summary>The mean of x² over the tokens and inputs of a sample. High is good: an adapter's product is as large as its input.</summary>
    Activation,
}

/// <summary>What holds for scores.</summary>
public static class LoraModuleScores
{
    /// <summary>Whether a score needs rows and a pass through the model; the others are of the weights alone.</summary>
    public static bool NeedsData(this LoraModuleScore score) => score is LoraModuleScore.Gradient or LoraModuleScore.Fisher or LoraModuleScore.Activation;

    /// <summary>Whether low values are the good ones.</summary>
    public static bool IsLowGood(this LoraModuleScore score) => score == LoraModuleScore.ConditionNumber;

    /// <summary>A module's score; null where it was not taken.</summary>
    public static double? Of(this LoraModuleScore score, LoraModuleInfo module)
    {
        ArgumentNullException.ThrowIfNull(module);
        return score switch
        {
            LoraModuleScore.Norm => module.Norm,
            LoraModuleScore.ConditionNumber => module.ConditionNumber,
            LoraModuleScore.SignalToNoise => module.SignalToNoise,
            LoraModuleScore.EffectiveRank => module.EffectiveRank,
            LoraModuleScore.Gradient => module.Gradient,
            LoraModuleScore.Fisher => module.Fisher,
            LoraModuleScore.Activation => module.Activation,
            _ => throw new ArgumentOutOfRangeException(nameof(score), score, "There is no such score."),
        };
    }
}

/// <summary>The scores of one module, those that were taken.</summary>
internal readonly record struct ModuleScores
{
    public double? Norm { get; init; }

    public double? ConditionNumber { get; init; }

    public double? SignalToNoise { get; init; }

    public double? EffectiveRank { get; init; }

    public double? Gradient { get; init; }

    public double? Fisher { get; init; }

    public double? Activation { get; init; }

    /// <summary>These, and others in their place where they were taken.</summary>
    public ModuleScores With(ModuleScores taken) => new()
    {
        Norm = taken.Norm ?? Norm,
        ConditionNumber = taken.ConditionNumber ?? ConditionNumber,
        SignalToNoise = taken.SignalToNoise ?? SignalToNoise,
        EffectiveRank = taken.EffectiveRank ?? EffectiveRank,
        Gradient = taken.Gradient ?? Gradient,
        Fisher = taken.Fisher ?? Fisher,
        Activation = taken.Activation ?? Activation,
    };
}
