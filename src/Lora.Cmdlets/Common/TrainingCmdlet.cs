using System.Management.Automation;

namespace Lora.Commands;

/// <summary>A cmdlet that trains: <see cref="TrainingOptions"/> as parameters, with the engine's defaults.</summary>
public abstract class TrainingCmdlet : DatasetCmdlet
{
    private static readonly TrainingOptions Defaults = new();

    /// <summary>What is adapted and how; beside an adapter or a point of a sweep, what these do not say otherwise.</summary>
    [Parameter]
    [Recorded<ConfigArgument>]
    public ConfigArgument? Config { get; set; }

    /// <summary>The files to learn from, and folders of files: rows with text, or with prompt and completion.</summary>
    [Parameter]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Dataset { get; set; } = [];

    /// <summary>How often an epoch has the rows of each dataset: one number for each.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public double[]? DatasetWeight { get; set; }

    /// <summary>The files that the loss is taken on and not learned from; a table of names and files for several sets.</summary>
    [Parameter]
    [SupportsWildcards]
    [Recorded<ValidationArgument>]
    public ValidationArgument? ValidationDataset { get; set; }

    /// <summary>The base model, when what training starts from does not know it.</summary>
    [Parameter]
    [Recorded<ModelArgument>]
    [ArgumentCompleter(typeof(ModelCompleter))]
    public ModelArgument? Model { get; set; }

    /// <summary>The branch, tag or commit of a model that -Model names as a hub does.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(RevisionCompleter))]
    public string? Revision { get; set; }

    /// <summary>Overwrites what is at OutputPath.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Passes over the dataset.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int Epoch { get; set; } = Defaults.Epoch;

    /// <summary>Optimiser steps, in place of epochs.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? MaxStep { get; set; }

    /// <summary>Rows in one forward pass.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int BatchSize { get; set; } = Defaults.BatchSize;

    /// <summary>Forward passes in one optimiser step.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int GradientAccumulation { get; set; } = Defaults.GradientAccumulation;

    /// <summary>The peak of the learning rate.</summary>
    [Parameter]
    [Alias("lr")]
    [ValidateRange(0.0, double.MaxValue)]
    public double LearningRate { get; set; } = Defaults.LearningRate;

    /// <summary>Steps over which the rate rises to its peak.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int? WarmupStep { get; set; }

    /// <summary>How the rate goes on after the warm-up.</summary>
    [Parameter]
    public TrainingSchedule Schedule { get; set; } = Defaults.Schedule;

    /// <summary>The rate that a falling schedule ends at.</summary>
    [Parameter]
    [ValidateRange(0.0, double.MaxValue)]
    public double? MinimumLearningRate { get; set; }

    /// <summary>Steps over which the rate falls under the schedule WSD.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? DecayStep { get; set; }

    /// <summary>AdamW's decoupled weight decay.</summary>
    [Parameter]
    [ValidateRange(0.0, double.MaxValue)]
    public double WeightDecay { get; set; } = Defaults.WeightDecay;

    /// <summary>The norm that gradients are clipped to; 0 for no clipping.</summary>
    [Parameter]
    [ValidateRange(0.0, double.MaxValue)]
    public double MaxGradientNorm { get; set; } = Defaults.MaxGradientNorm;

    /// <summary>Tokens of a row at the most.</summary>
    [Parameter]
    [ValidateRange(2, int.MaxValue)]
    public int? MaxLength { get; set; }

    /// <summary>Seed of the initialisation, the order of rows and the dropout.</summary>
    [Parameter]
    public int Seed { get; set; } = Defaults.Seed;

    /// <summary>auto, cpu, cuda or cuda:N.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(DeviceCompleter))]
    public string Device { get; set; } = Defaults.Device;

    /// <summary>The dtype of the frozen base weights.</summary>
    [Parameter]
    public TrainingDataType DataType { get; set; } = Defaults.DataType;

    /// <summary>How the linear layers of the frozen base's blocks are held.</summary>
    [Parameter]
    public LoraQuantization Quantization { get; set; } = Defaults.Quantization;

    /// <summary>Bytes that the process may take, for example 8GB.</summary>
    [Parameter]
    [ValidateRange(1L, long.MaxValue)]
    public long? MemoryLimit { get; set; }

    /// <summary>Trains without trying the largest batch first.</summary>
    [Parameter]
    public SwitchParameter NoRehearsal { get; set; }

    /// <summary>Which activations are computed again in place of being kept.</summary>
    [Parameter]
    public LoraCheckpointing Checkpointing { get; set; } = Defaults.Checkpointing;

    /// <summary>Where the hidden states below the lowest adapted block are kept from one epoch to the next.</summary>
    [Parameter]
    public LoraPrefixCache PrefixCache { get; set; } = Defaults.PrefixCache;

    /// <summary>Keeps freed memory with the process while the steps run.</summary>
    [Parameter]
    public SwitchParameter KeepFreedMemory { get; set; }

    /// <summary>Steps from one writing of the run's state to OutputPath to the next.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? SaveStep { get; set; }

    /// <summary>Minutes from one writing of the run's state to OutputPath to the next.</summary>
    [Parameter]
    [ValidateRange(0.0, double.MaxValue)]
    public double? SaveMinute { get; set; }

    /// <summary>Adapters of the moments that the state was written at that are kept, each in a folder of its own.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? SaveLimit { get; set; }

    /// <summary>Steps from one evaluation of the validation sets to the next.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? EvaluationStep { get; set; }

    /// <summary>Gives the adapter with the lowest loss of all evaluations in place of the last step's.</summary>
    [Parameter]
    public SwitchParameter KeepBest { get; set; }

    /// <summary>The validation set whose loss says what is best.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? BestBy { get; set; }

    /// <summary>Evaluations without a lower loss after which the run ends.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Patience { get; set; }

    /// <summary>Goes on from the state at OutputPath, when there is one.</summary>
    [Parameter]
    public SwitchParameter Resume { get; set; }

    /// <summary>Makes entries of the configuration that match nothing a warning.</summary>
    [Parameter]
    public SwitchParameter AllowUnmatched { get; set; }

    /// <summary>Gives the model the vocabulary of the adapter that training goes on from, where that was resized.</summary>
    [Parameter]
    public SwitchParameter ResizeVocabulary { get; set; }

    /// <summary>Prompts that the base model and the adapted model continue.</summary>
    [Parameter]
    public string[] Prompt { get; set; } = [];

    /// <summary>Tokens of a continuation at the most.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int PromptToken { get; set; } = Defaults.PromptToken;

    /// <summary>Threads that compute.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Thread { get; set; }

    /// <summary>The options that were given; where a run writes and what it goes on from is the cmdlet's.</summary>
    private protected TrainingOptions Options(PathResolver paths) => new()
    {
        Epoch = Epoch,
        MaxStep = MaxStep,
        BatchSize = BatchSize,
        GradientAccumulation = GradientAccumulation,
        LearningRate = LearningRate,
        WarmupStep = WarmupStep,
        Schedule = Schedule,
        MinimumLearningRate = MinimumLearningRate,
        DecayStep = DecayStep,
        WeightDecay = WeightDecay,
        MaxGradientNorm = MaxGradientNorm,
        Data = Rows(paths),
        MaxLength = MaxLength,
        Seed = Seed,
        Device = Device,
        DataType = DataType,
        Quantization = Quantization,
        MemoryLimit = MemoryLimit,
        Rehearsal = !NoRehearsal,
        Checkpointing = Checkpointing,
        PrefixCache = PrefixCache,
        // A switch has two states: one that is not written leaves the choice to the engine.
        KeepFreedMemory = MyInvocation.BoundParameters.ContainsKey(nameof(KeepFreedMemory)) ? KeepFreedMemory : null,
        SaveStep = SaveStep,
        SaveMinute = SaveMinute,
        SaveLimit = SaveLimit,
        EvaluationStep = EvaluationStep,
        KeepBest = KeepBest,
        BestBy = BestBy,
        Patience = Patience,
        Resume = Resume,
        AllowUnmatched = AllowUnmatched,
        ResizeVocabulary = ResizeVocabulary,
        Prompt = Prompt,
        PromptToken = PromptToken,
        Thread = Thread,
    };
}
