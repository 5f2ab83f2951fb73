using System.Management.Automation;
using Lora.Training;

namespace Lora.Commands;

/// <summary>Trains the adapter of each configuration, or goes on with each adapter; the base model is loaded once.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "LoraTraining", DefaultParameterSetName = AdapterSet, SupportsShouldProcess = true, HelpUri = HelpAddress.Commands)]
[OutputType(typeof(LoraTrainingResult), typeof(LoraTrainingStep))]
public sealed class InvokeLoraTrainingCommand : AsyncLoraCmdlet
{
    private const string ConfigSet = "Config";

    // The default, since what has both an Adapter and a Config, as a result has, is gone on with.
    private const string AdapterSet = "Adapter";

    private static readonly TrainingOptions Defaults = new();

    private readonly HashSet<string> destinations = new(StringComparer.Ordinal);
    private TrainingSession? session;

    /// <summary>What is adapted and how.</summary>
    [Parameter(ParameterSetName = ConfigSet, Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public LoraConfig Config { get; set; } = new();

    /// <summary>The adapter whose values and configuration training goes on from; results of earlier runs have one.</summary>
    [Parameter(ParameterSetName = AdapterSet, Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    public LoraAdapter Adapter { get; set; } = new();

    /// <summary>The JSON Lines file to learn from: rows with text, or with prompt and completion.</summary>
    [Parameter(Mandatory = true)]
    public string Dataset { get; set; } = "";

    /// <summary>The JSON Lines file that the loss is taken on before and after.</summary>
    [Parameter]
    public string? ValidationDataset { get; set; }

    /// <summary>The base model's folder, when the configuration was not made from its modules.</summary>
    [Parameter]
    public string? Model { get; set; }

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
    public int MaxLength { get; set; } = Defaults.MaxLength;

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

    /// <summary>Which activations are computed again in place of being kept.</summary>
    [Parameter]
    public LoraCheckpointing Checkpointing { get; set; } = Defaults.Checkpointing;

    /// <summary>Where the hidden states below the lowest adapted block are kept from one epoch to the next.</summary>
    [Parameter]
    public LoraPrefixCache PrefixCache { get; set; } = Defaults.PrefixCache;

    /// <summary>Keeps freed memory with the process while the steps run.</summary>
    [Parameter]
    public SwitchParameter KeepFreedMemory { get; set; }

    /// <summary>The folder that the adapter is written to at the end and when the run is stopped.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? OutputPath { get; set; }

    /// <summary>Steps from one writing of the run's state to OutputPath to the next.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? SaveStep { get; set; }

    /// <summary>Goes on from the state at OutputPath, when there is one.</summary>
    [Parameter]
    public SwitchParameter Resume { get; set; }

    /// <summary>The folder of an adapter whose values training goes on from; Get-LoraAdapter's objects bind to it and to Config.</summary>
    [Parameter(ParameterSetName = ConfigSet, ValueFromPipelineByPropertyName = true)]
    [Alias("Path")]
    public string? AdapterPath { get; set; }

    /// <summary>Makes entries of the configuration that match nothing a warning.</summary>
    [Parameter]
    public SwitchParameter AllowUnmatched { get; set; }

    /// <summary>Overwrites an adapter at OutputPath.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Prompts that the base model and the adapted model continue.</summary>
    [Parameter]
    public string[] Prompt { get; set; } = [];

    /// <summary>Tokens of a continuation at the most.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int PromptToken { get; set; } = Defaults.PromptToken;

    /// <summary>Gives each step as an object, as it is done, before the result.</summary>
    [Parameter]
    public SwitchParameter PassThruStep { get; set; }

    /// <inheritdoc/>
    protected override void ProcessInput()
    {
        PathResolver paths = new(this);
        TrainingData data = new(paths.One(Dataset), ValidationDataset is null ? null : paths.One(ValidationDataset));
        LoraConfig given = ParameterSetName == AdapterSet ? Adapter.Config : Config;
        LoraConfig config = Model is null ? given : given with { Model = paths.One(Model) };
        TrainingOptions options = Options(paths);
        if (!ShouldProcess(config.Model ?? config.ToString(), $"Train {config}"))
        {
            return;
        }

        if (options.OutputPath is null)
        {
            WriteVerbose("Without -OutputPath the adapter is in the result only: a run that is stopped loses it.");
        }

        RunOnWorker((worker, cancellation) =>
        {
            using TrainingReport report = new(worker, PassThruStep);
            session ??= new TrainingSession();
            worker.Write(new PipelineRecord.Output(session.Train(config, data, options, report, cancellation)));
        });
    }

    private TrainingOptions Options(PathResolver paths) => new()
    {
        Epoch = Epoch,
        MaxStep = MaxStep,
        BatchSize = BatchSize,
        GradientAccumulation = GradientAccumulation,
        LearningRate = LearningRate,
        WarmupStep = WarmupStep,
        Schedule = Schedule,
        WeightDecay = WeightDecay,
        MaxGradientNorm = MaxGradientNorm,
        MaxLength = MaxLength,
        Seed = Seed,
        Device = Device,
        DataType = DataType,
        Quantization = Quantization,
        MemoryLimit = MemoryLimit,
        Checkpointing = Checkpointing,
        PrefixCache = PrefixCache,
        KeepFreedMemory = MyInvocation.BoundParameters.ContainsKey(nameof(KeepFreedMemory)) ? KeepFreedMemory : null,
        OutputPath = OutputPath is null ? null : Destination(paths.Destination(OutputPath, literal: false)),
        Overwrite = Force,
        SaveStep = SaveStep,
        Resume = Resume,
        Adapter = ParameterSetName == AdapterSet ? Adapter : null,
        AdapterPath = string.IsNullOrEmpty(AdapterPath) ? null : paths.One(AdapterPath), // a result that was not written binds as empty text
        AllowUnmatched = AllowUnmatched,
        Prompt = Prompt,
        PromptToken = PromptToken,
    };

    /// <summary>Refuses a folder that an earlier configuration of the same pipeline was written to, whatever -Force says.</summary>
    private string Destination(string folder) =>
        destinations.Add(folder) ? folder : throw LoraException.Of(LoraError.OutputRepeated, folder, folder);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            session?.Dispose();
            session = null;
        }
    }
}
