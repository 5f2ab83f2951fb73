using Lora.Training;

namespace Lora;

/// <summary>How a run trains. The values are checked by <see cref="Check"/> before any work.</summary>
public sealed record TrainingOptions
{
    /// <summary>Passes over the dataset; fractions are allowed through <see cref="MaxStep"/>.</summary>
    public int Epoch { get; init; } = 1;

    /// <summary>Optimiser steps at the most; null for as many as the epochs have.</summary>
    public int? MaxStep { get; init; }

    /// <summary>Rows in one forward pass.</summary>
    public int BatchSize { get; init; } = 4;

    /// <summary>Forward passes in one optimiser step; the loss is normalised by the supervised tokens of the whole step.</summary>
    public int GradientAccumulation { get; init; } = 1;

    /// <summary>The peak of the learning rate.</summary>
    public double LearningRate { get; init; } = 2e-4; // about ten times what training all weights takes, and little moved by the rank

    /// <summary>Steps over which the rate rises to its peak; null for a twentieth of the run, at most 100.</summary>
    public int? WarmupStep { get; init; }

    /// <summary>How the rate goes on after the warm-up.</summary>
    public TrainingSchedule Schedule { get; init; } = TrainingSchedule.Cosine;

    /// <summary>The rate that a falling schedule ends at; null for a tenth of the peak under Cosine, and zero else.</summary>
    public double? MinimumLearningRate { get; init; }

    /// <summary>Steps over which the rate falls under WSD; null for a fifth of the run.</summary>
    public int? DecayStep { get; init; }

    /// <summary>AdamW's decoupled weight decay.</summary>
    public double WeightDecay { get; init; } = 0.01; // torch.optim.AdamW's

    /// <summary>The norm that gradients are clipped to; 0 for no clipping.</summary>
    public double MaxGradientNorm { get; init; } = 1; // transformers' Trainer has the same

    /// <summary>How rows are read, and what of them is learned.</summary>
    public DataOptions Data { get; init; } = new();

    /// <summary>Tokens of a row at the most; longer rows are cut and reported. Null: 1024, or what the model was made for where that is less.</summary>
    public int? MaxLength { get; init; }

    /// <summary>Seed of the initialisation, the order of rows and the dropout.</summary>
    public int Seed { get; init; } = 42;

    /// <summary><c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>The dtype of the frozen base weights; the adapter is always float32.</summary>
    public TrainingDataType DataType { get; init; } = TrainingDataType.Auto;

    /// <summary>How the linear layers of the frozen base's blocks are held; their products are computed in <see cref="DataType"/>.</summary>
    public LoraQuantization Quantization { get; init; } = LoraQuantization.None;

    /// <summary>
    /// Whether freed memory stays with the process while the steps run, which saves most page faults under glibc and takes a little more memory
    /// than was planned, or goes back to the system after each use. Null: it stays where there is room for it, and for autograd, whose memory is not
    /// planned. It is a setting of the whole process; afterwards glibc's defaults hold again.
    /// </summary>
    public bool? KeepFreedMemory { get; init; }

    /// <summary>Bytes that the process may take; null for most of what the machine has left.</summary>
    public long? MemoryLimit { get; init; }

    /// <summary>Whether the largest batch is trained once before the first step, and nothing of it kept: a lack of memory so shows at once.</summary>
    public bool Rehearsal { get; init; } = true;

    /// <summary>Which activations are computed again in place of being kept.</summary>
    public LoraCheckpointing Checkpointing { get; init; }

    /// <summary>Where the hidden states below the lowest adapted block are kept from one epoch to the next.</summary>
    public LoraPrefixCache PrefixCache { get; init; }

    /// <summary>The folder that the adapter is written to at the end and when the run is stopped; null for none.</summary>
    public string? OutputPath { get; init; }

    /// <summary>Steps from one writing of the run's state into <see cref="OutputPath"/> to the next; null for none.</summary>
    public int? SaveStep { get; init; }

    /// <summary>Minutes from one writing of the run's state to the next; null for none. Beside <see cref="SaveStep"/>, whichever is due.</summary>
    public double? SaveMinute { get; init; }

    /// <summary>How many adapters of the moments that the state was written at are kept in folders of their own; null for none.</summary>
    public int? SaveLimit { get; init; }

    /// <summary>Steps from one evaluation of the validation sets to the next, beside that at the end; null for none on the way.</summary>
    public int? EvaluationStep { get; init; }

    /// <summary>Whether the adapter with the lowest loss of all evaluations on the way is the result, in place of that of the last step.</summary>
    public bool KeepBest { get; init; }

    /// <summary>The name of the validation set whose loss says what is best; null for the first.</summary>
    public string? BestBy { get; init; }

    /// <summary>Evaluations without a lower loss after which the run ends; null: it never does.</summary>
    public int? Patience { get; init; }

    /// <summary>Whether the run goes on from the state in <see cref="OutputPath"/>, when there is one.</summary>
    public bool Resume { get; init; }

    /// <summary>Whether an adapter at <see cref="OutputPath"/> is overwritten.</summary>
    public bool Overwrite { get; init; }

    /// <summary>The adapter whose values training goes on from; null to begin anew, or from <see cref="AdapterPath"/>.</summary>
    public LoraAdapter? Adapter { get; init; }

    /// <summary>The folder of an adapter whose values training goes on from; null to begin anew, or from <see cref="Adapter"/>.</summary>
    public string? AdapterPath { get; init; }

    /// <summary>Whether the model takes over the vocabulary of the adapter that training goes on from, where that is another one.</summary>
    public bool ResizeVocabulary { get; init; }

    /// <summary>Whether entries of the configuration that match nothing are warnings rather than errors.</summary>
    public bool AllowUnmatched { get; init; }

    /// <summary>Threads that compute; null for as many as libtorch takes, the processor's cores, and never more. The adapter has the same bytes.</summary>
    public int? Thread { get; init; }

    /// <summary>Prompts that the base model and the adapted model continue, for a look at what was learned.</summary>
    public string[] Prompt { get; init; } = [];

    /// <summary>Tokens of a continuation at the most.</summary>
    public int PromptToken { get; init; } = 48;

    /// <summary>Every value that cannot be, all together.</summary>
    public IReadOnlyList<LoraProblem> Check() =>
    [
        .. OptionRules.AtLeast(nameof(Epoch), Epoch, 1),
        .. OptionRules.AtLeast(nameof(MaxStep), MaxStep ?? 1, 1),
        .. OptionRules.AtLeast(nameof(BatchSize), BatchSize, 1),
        .. OptionRules.AtLeast(nameof(GradientAccumulation), GradientAccumulation, 1),
        .. OptionRules.AtLeast(nameof(WarmupStep), WarmupStep ?? 0, 0),
        .. OptionRules.AtLeast(nameof(MaxLength), MaxLength ?? 2, 2),
        .. OptionRules.AtLeast(nameof(PromptToken), PromptToken, 1),
        .. OptionRules.AtLeast(nameof(MemoryLimit), MemoryLimit ?? 1, 1),
        .. OptionRules.AtLeast(nameof(SaveStep), SaveStep ?? 1, 1),
        .. OptionRules.AtLeast(nameof(SaveLimit), SaveLimit ?? 1, 1),
        .. OptionRules.AtLeast(nameof(DecayStep), DecayStep ?? 1, 1),
        .. OptionRules.AtLeast(nameof(EvaluationStep), EvaluationStep ?? 1, 1),
        .. OptionRules.AtLeast(nameof(Patience), Patience ?? 1, 1),
        .. OptionRules.AtLeast(nameof(Thread), Thread ?? 1, 1),
        .. OutputPath is "" ? [new LoraProblem(LoraError.ConfigValueInvalid, nameof(OutputPath), nameof(OutputPath), "empty", "the path of a folder")] : Array.Empty<LoraProblem>(),
        .. NeedsOutput(nameof(SaveStep), SaveStep is not null),
        .. NeedsOutput(nameof(SaveMinute), SaveMinute is not null),
        .. NeedsOutput(nameof(Resume), Resume),
        .. NeedsEvaluation(nameof(KeepBest), KeepBest),
        .. NeedsEvaluation(nameof(BestBy), BestBy is not null),
        .. NeedsEvaluation(nameof(Patience), Patience is not null),
        .. Data.Check(),
        .. OptionRules.Finite(nameof(LearningRate), LearningRate),
        .. OptionRules.Finite(nameof(MinimumLearningRate), MinimumLearningRate ?? 0),
        .. OptionRules.Finite(nameof(SaveMinute), SaveMinute ?? 0),
        .. OptionRules.Finite(nameof(WeightDecay), WeightDecay),
        .. OptionRules.Finite(nameof(MaxGradientNorm), MaxGradientNorm),
        .. Starts(),
        .. Rates(),
        .. SaveLimit is not null && SaveStep is null && SaveMinute is null
            ? [new LoraProblem(LoraError.ConfigValueInvalid, nameof(SaveLimit), nameof(SaveLimit), "without a SaveStep or SaveMinute", "when the adapters are written")]
            : Array.Empty<LoraProblem>(),
    ];

    private IEnumerable<LoraProblem> Rates()
    {
        if (DecayStep is not null && Schedule != TrainingSchedule.WSD)
        {
            yield return new(LoraError.ConfigConflict, DecayStep, $"{nameof(DecayStep)} is for the schedule WSD, and the schedule is {Schedule}");
        }

        if (MinimumLearningRate is not null && Schedule == TrainingSchedule.Constant)
        {
            yield return new(LoraError.ConfigConflict, MinimumLearningRate, $"{nameof(MinimumLearningRate)} is where a schedule falls to, and the schedule {Schedule} does not fall");
        }

        if (MinimumLearningRate > LearningRate)
        {
            yield return new(LoraError.ConfigValueInvalid, MinimumLearningRate, nameof(MinimumLearningRate), MinimumLearningRate, FormattableString.Invariant($"at most the {nameof(LearningRate)}, {LearningRate}"));
        }
    }

    private LoraProblem[] Starts() => Adapter is not null && AdapterPath is not null
        ? [new(LoraError.ConfigConflict, AdapterPath, $"training goes on from one adapter: {nameof(Adapter)} and {nameof(AdapterPath)} are both given")]
        : [];

    /// <summary>Whether the run's state is written: every so many steps, or when it is stopped.</summary>
    internal bool IsStateKept => SaveStep is not null || SaveMinute is not null || Resume || PauseDivisor is not null;

    /// <summary>
    /// The part of its steps after which a point of a sweep pauses, as a divisor: 16 for a sixteenth, 1 for none; null for a run by itself. The schedule is
    /// that of all steps. Each part ends with the state in <see cref="OutputPath"/>, the last too: the sweep takes it away when it has noted what came of the
    /// point. Without a folder the result has it.
    /// </summary>
    internal int? PauseDivisor { get; init; }

    /// <summary>The state that a point without a folder goes on from; null to begin.</summary>
    internal TrainingState? Paused { get; init; }

    private LoraProblem[] NeedsOutput(string name, bool isGiven) => isGiven && OutputPath is null
        ? [new(LoraError.ConfigValueInvalid, name, name, "without an OutputPath", "a folder for the run's state")]
        : [];

    private LoraProblem[] NeedsEvaluation(string name, bool isGiven) => isGiven && EvaluationStep is null
        ? [new(LoraError.ConfigValueInvalid, name, name, "without an EvaluationStep", "how often the loss is taken that it goes by")]
        : [];
}

/// <summary>How the learning rate goes on after the warm-up.</summary>
public enum TrainingSchedule
{
    /// <summary>From the peak along half a cosine to a tenth of it, or to the least rate.</summary>
    Cosine,

    /// <summary>From the peak in a straight line to zero, or to the least rate.</summary>
    Linear,

    /// <summary>The peak throughout.</summary>
    Constant,

    /// <summary>
    /// Warm-up, stable, decay (arXiv 2404.06395): the peak, until over the last steps the rate falls to zero or the least rate by 1 - √p of their share p.
    /// </summary>
    WSD,
}

/// <summary>The dtype that the frozen base weights are held and multiplied in.</summary>
public enum TrainingDataType
{
    /// <summary>float32 on a CPU, bfloat16 on a GPU, float16 on one that does not compute in bfloat16.</summary>
    Auto,

    /// <summary>float32.</summary>
    Float32,

    /// <summary>bfloat16.</summary>
    BFloat16,

    /// <summary>float16, with a loss that is scaled so that gradients stay within its range.</summary>
    Float16,
}

/// <summary>How the linear layers of the frozen base's blocks are held; embeddings, head and norms are always held as they are.</summary>
public enum LoraQuantization
{
    /// <summary>As numbers of the run's dtype.</summary>
    None,

    /// <summary>In 4 bits a weight as QLoRA does (arXiv 2305.14314): normal float codes, with scales that are quantised again.</summary>
    NF4,
}

/// <summary>Which activations are computed again in the backward pass in place of being kept (gradient checkpointing).</summary>
public enum LoraCheckpointing
{
    /// <summary>As few as the memory there is asks for: attention's probabilities first, then norms and activations, then whole blocks.</summary>
    Auto,

    /// <summary>None.</summary>
    None,

    /// <summary>Every block but the last: the least memory, half as much work again.</summary>
    Full,
}

/// <summary>Where the hidden states below the lowest adapted block are kept from one epoch to the next.</summary>
public enum LoraPrefixCache
{
    /// <summary>In memory when they fit beside the run, else on disk when that has twice the room, else nowhere; only if a row comes twice.</summary>
    Auto,

    /// <summary>Nowhere: they are computed each time.</summary>
    None,

    /// <summary>In main memory.</summary>
    Memory,

    /// <summary>In a file of the system's temporary folder, which goes with the run.</summary>
    Disk,
}
