using Lora.Training;

namespace Lora;

/// <summary>
/// How a text goes on: which token is taken of those that a model expects, and where the text ends. The values are checked by <see cref="Check"/>
/// before any work.
/// </summary>
/// <remarks>
/// Where there is chance, scores are changed in the order of transformers (generation/utils.py, _get_logits_processor): <see cref="RepetitionPenalty"/>,
/// <see cref="Temperature"/>, <see cref="TopK"/>, <see cref="TopP"/>, <see cref="MinP"/>; then a token is drawn by the probabilities of those that are left.
/// </remarks>
public sealed record GenerationOptions
{
    private const int UsualTokens = 256;
    private const int UsualRows = 8;

    /// <summary>Tokens of a continuation at the most.</summary>
    public int MaxToken { get; init; } = UsualTokens;

    /// <summary>What scores are divided by: above 1 all tokens become more alike, below the likeliest stand out, and 0 takes the likeliest one each time. Null: 1 where
    /// <see cref="TopK"/>, <see cref="TopP"/> or <see cref="MinP"/> is given, else 0.</summary>
    public double? Temperature { get; init; }

    /// <summary>So many of the likeliest tokens are left, and those that score as the last of them does (TopKLogitsWarper); null for all.</summary>
    public int? TopK { get; init; }

    /// <summary>The fewest of the likeliest tokens are left whose probabilities come to this (TopPLogitsWarper; arXiv 1904.09751); null for all.</summary>
    public double? TopP { get; init; }

    /// <summary>The tokens are left whose probability is at least this share of the likeliest one's (MinPLogitsWarper; arXiv 2407.01082); null for all.</summary>
    public double? MinP { get; init; }

    /// <summary>What the scores of tokens are divided by, or multiplied where they are negative, that the prompt or the continuation has already
    /// (RepetitionPenaltyLogitsProcessor; arXiv 1909.05858); null for 1.</summary>
    public double? RepetitionPenalty { get; init; }

    /// <summary>Where the draws begin. One seed gives one continuation of a prompt, whatever prompts are continued beside it.</summary>
    public int Seed { get; init; }

    /// <summary>Texts that end a continuation before them.</summary>
    public string[] Stop { get; init; } = [];

    /// <summary>Whether special tokens that the model says are spelled in the text; else they are left out of it.</summary>
    public bool KeepSpecialToken { get; init; }

    /// <summary>Prompts that are continued at the same time.</summary>
    public int BatchSize { get; init; } = UsualRows;

    /// <summary>
    /// Whether what was computed of a text is kept until the next one that this is set for, of which only what follows their common beginning is computed: for
    /// conversations. Prompts are gone on one after another then. It takes memory until another adapter speaks or the generator is disposed.
    /// </summary>
    public bool KeepText { get; init; }

    /// <summary>What scores are divided by; 0 for the likeliest token each time.</summary>
    internal double Heat => Temperature ?? (IsNarrowed ? 1 : 0);

    private bool IsNarrowed => TopK is not null || TopP is not null || MinP is not null;

    /// <summary>Every value that cannot be, all together.</summary>
    public IReadOnlyList<LoraProblem> Check() =>
    [
        .. OptionRules.AtLeast(nameof(MaxToken), MaxToken, 1),
        .. OptionRules.Finite(nameof(Temperature), Temperature ?? 0),
        .. OptionRules.AtLeast(nameof(TopK), TopK ?? 1, 1),
        .. Within(nameof(TopP), TopP, share => share is > 0 and <= 1, "a number above 0 and up to 1"),
        .. Within(nameof(MinP), MinP, share => share is >= 0 and <= 1, "a number from 0 to 1"),
        .. Within(nameof(RepetitionPenalty), RepetitionPenalty, penalty => penalty > 0 && double.IsFinite(penalty), "a finite number above 0"),
        .. OptionRules.AtLeast(nameof(BatchSize), BatchSize, 1),
        .. Stop.Any(string.IsNullOrEmpty) ? [new(LoraError.ConfigValueInvalid, nameof(Stop), nameof(Stop), "''", "texts of at least one character")] : Array.Empty<LoraProblem>(),
        .. Temperature == 0 && IsNarrowed
            ? [new(LoraError.ConfigConflict, nameof(Temperature), $"With {nameof(Temperature)} 0 the likeliest token is taken each time, and {nameof(TopK)}, {nameof(TopP)} and {nameof(MinP)} leave nothing to choose")]
            : Array.Empty<LoraProblem>(),
    ];

    private static IEnumerable<LoraProblem> Within(string name, double? value, Func<double, bool> isIn, string expected) =>
        value is double given && !isIn(given) ? [new(LoraError.ConfigValueInvalid, name, name, given, expected)] : [];
}
