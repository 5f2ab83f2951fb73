using System.Globalization;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Models;
using Lora.Selection;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>What a run will do, found out from headers and configuration alone; everything that is wrong is found here, before any work.</summary>
/// <param name="Folder">The model's folder.</param>
/// <param name="Weights">What its weights are (<see cref="WeightDigest"/>).</param>
/// <param name="Targets">The modules to adapt.</param>
/// <param name="Config">The configuration as the user gave it; one that goes on from an adapter has its initialisation.</param>
/// <param name="Start">The adapter whose values training goes on from; null to begin anew.</param>
/// <param name="State">The state that the run goes on from; null to begin at its first step.</param>
/// <param name="Identity">What has to be the same for the run to be gone on with; empty when its state is not kept.</param>
/// <param name="SavedConfig">The configuration as it is written with the adapter.</param>
/// <param name="Warnings">Messages that do not stop the run.</param>
internal sealed record TrainingPlan(
    string Folder,
    string Weights,
    IReadOnlyList<AdapterTarget> Targets,
    LoraConfig Config,
    LoraAdapter? Start,
    TrainingState? State,
    IReadOnlyDictionary<string, string> Identity,
    LoraConfig SavedConfig,
    IReadOnlyList<string> Warnings)
{
    /// <summary>How many values are trained on the targets; of a rank beyond all reason more than a whole number holds.</summary>
    public double TrainedValues { get; private init; }

    /// <summary>Whether the model with the new adapter computes what the base does, since B is zero.</summary>
    public bool BeginsAsBase => Start is null && Config is { Initialization: "true" or "gaussian", UseDora: false, ModulesToSave: null or [] };

    /// <summary>The adapter that training goes on from as it goes onto the model; null to begin anew.</summary>
    public FittedAdapter? Fitted { get; private init; }

    /// <summary>The vocabulary that the model is loaded with; null for its own.</summary>
    public ResizedVocabulary? Vocabulary { get; private init; }

    /// <summary>The time that the chat template writes into conversations; null where it writes none.</summary>
    public DateTimeOffset? Clock { get; private init; }

    /// <summary>Makes the plan.</summary>
    /// <param name="config">What is adapted.</param>
    /// <param name="data">What is read.</param>
    /// <param name="options">How it trains.</param>
    /// <param name="now">The time; null for the machine's.</param>
    /// <exception cref="LoraException">All problems of the options, the configuration, the model, the files and the destination.</exception>
    public static TrainingPlan Make(LoraConfig config, TrainingData data, TrainingOptions options, DateTimeOffset? now = null)
    {
        List<LoraProblem> problems = [.. options.Check(), .. data.Check(), .. data.Check(options)];
        Problems.Collect(problems, () => DatasetFiles.Of([.. data.Dataset, .. data.ValidationDataset.SelectMany(set => set.Paths)]));
        problems.AddRange(Destination(options));
        LoraAdapter? start = options.AdapterPath is string path ? Problems.Collect(problems, () => AdapterFolder.Load(path)) : options.Adapter;
        if (start is not null)
        {
            // The values are the adapter's; what is subtracted from the base hangs on how they once began.
            config = config with { Initialization = start.Config.Initialization };
            problems.AddRange(AdapterWeightRules.Check(config, start.Tensors, start.Path ?? start.ToString()));
        }

        string? folder = Problems.Collect(problems, () => ModelTargets.Folder(config));
        FittedAdapter? fitted = start is null || folder is null ? null : Problems.Collect(problems, () => FittedAdapter.Of(start, folder, options.ResizeVocabulary));
        config = Fit(config, start, fitted);
        ResizedVocabulary? added = start is null && folder is not null && config.NewToken is { Length: > 0 } ? Problems.Collect(problems, () => AddedVocabulary.Of(config, folder)!) : null;
        if (added is not null)
        {
            config = AddedVocabulary.Trained(config, folder!) with { VocabularySize = added.Size };
        }

        TaskShape? shape = folder is null ? null : Problems.Collect(problems, () => TaskReader.Read(folder, config.TaskType));
        if (shape is not null)
        {
            // The task that it is, in place of the CAUSAL_LM of a configuration that said nothing.
            config = config with { TaskType = TaskReader.Saved(shape, config.TaskType) };
            LearnedTask task = shape.Task;
            Problems.Collect(problems, () => task.Checked(options.Data.DatasetFormat));
            problems.AddRange(Prompts(task, options));
        }

        problems.AddRange(LoraInitializationRules.CheckTraining(config, goesOn: start is not null));

        // Each check runs where what it needs is there, whatever else was wrong, so that all problems come at once.
        ResolvedTargets? resolved = shape is null ? null : Problems.Collect(problems, () => ModelTargets.Resolve(config, folder!, options.AllowUnmatched));
        problems.AddRange(resolved is null ? [] : QuantizedWeights.Check(config, folder!, options.Quantization));
        string? weights = resolved is null ? null : Problems.Collect(problems, () => WeightDigest.Of(folder!));
        LoraException.ThrowIfAny(problems);
        IEnumerable<string> warnings = resolved!.Warnings.Select(warning => warning.Message).Concat(resolved.Notes);
        warnings = options.LearningRate == 0 ? warnings.Append("The learning rate is 0: nothing is learned.") : warnings;

        // As PEFT will read it: lists that hit these very modules, and the base's name as the user knows it.
        LoraConfig saved = FileTargets.Spell(config, resolved) with { Model = folder, BaseModelNameOrPath = config.BaseModelNameOrPath ?? folder };
        IReadOnlyDictionary<string, string> identity =
            options.IsStateKept ? RunIdentity.Of(folder!, weights!, saved, start, data, options) : new Dictionary<string, string>();

        // Last: it has the run's values and moments, the largest file that a plan reads.
        TrainingState? state = options.Resume ? Resumed(options.OutputPath!, identity) : options.Paused;

        // A run that is gone on with on another day writes its conversations as on the first.
        DateTimeOffset? clock = !new ChosenTemplate(folder!, options.Data.ChatTemplate, start?.ChatTemplate).IsDated() ? null
            : state?.Identity.GetValueOrDefault(RunIdentity.Clock) is string begun && DateTimeOffset.TryParse(begun, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out DateTimeOffset then) ? then
            : now ?? TimeProvider.System.GetLocalNow();
        if (clock is DateTimeOffset time && options.IsStateKept)
        {
            identity = identity.Append(new(RunIdentity.Clock, time.ToString("O", CultureInfo.InvariantCulture))).ToDictionary();
        }

        string? unconverted = start is null ? null : UnconvertedStart.Warning(start);
        string? anew = options.Resume && state is null
            ? $"'{options.OutputPath}' has no state of a run to go on with: this run begins at its first step."
            : null;
        return new(
            folder!, weights!, ModelTargets.ForAdapter(resolved), config, fitted?.Adapter, state, identity, saved, [.. warnings, .. new[] { unconverted, anew }.OfType<string>()])
        {
            Fitted = fitted,
            Vocabulary = fitted?.Vocabulary ?? added,
            Clock = clock,
            TrainedValues = resolved.Targets.Sum(target => (double)AdapterSize.Of(target.Module, target, config)) + resolved.Tokens.Sum(rows => rows.ParameterCount),
        };
    }

    /// <summary>The plan on a kind of device that computes in a dtype.</summary>
    /// <exception cref="LoraException">ResumeRefused: the run was begun on another one, or in another dtype.</exception>
    public TrainingPlan On(DeviceType device, ScalarType type, TrainingOptions options)
    {
        Dictionary<string, string> computed = new() { [RunIdentity.ComputedDevice] = device.ToString(), [RunIdentity.ComputedDataType] = type.ToString() };
        ThrowIfAnother(State, computed, options.OutputPath);
        return this with { Identity = Identity.Concat(computed).ToDictionary() };
    }

    /// <summary>The configuration of an adapter that is gone on with, in which modules that are trained whole are named as its tensors say.</summary>
    private static LoraConfig Fit(LoraConfig config, LoraAdapter? start, FittedAdapter? fitted) =>
        fitted is not null && (config.ModulesToSave ?? []).SequenceEqual(start!.Config.ModulesToSave ?? [])
            ? config with { ModulesToSave = fitted.Adapter.Config.ModulesToSave, VocabularySize = fitted.Vocabulary?.Size, NewToken = fitted.Adapter.Config.NewToken }
            : config;

    /// <summary>The state in a folder, which has to be that of the same run; null when there is none.</summary>
    private static TrainingState? Resumed(string folder, IReadOnlyDictionary<string, string> identity)
    {
        TrainingState? state = TrainingStateFile.Read(folder);
        ThrowIfAnother(state, identity, folder);
        return state;
    }

    private static void ThrowIfAnother(TrainingState? state, IReadOnlyDictionary<string, string> identity, string? folder) =>
        LoraException.ThrowIfAny([.. RunIdentity.Differences(state?.Identity ?? identity, identity)
            .Select(difference => new LoraProblem(LoraError.ResumeRefused, folder, folder!, difference))]);

    private static IEnumerable<LoraProblem> Prompts(LearnedTask task, TrainingOptions options)
    {
        if (options.Prompt.Length > 0 && task.Kind is not (TaskKind.CausalLM or TaskKind.Seq2SeqLM))
        {
            yield return new(LoraError.ConfigValueInvalid, options.Prompt[0], nameof(options.Prompt), $"given for {task}", "none: such a model says nothing");
        }
    }

    private static IEnumerable<LoraProblem> Destination(TrainingOptions options)
    {
        if (options.OutputPath is not { Length: > 0 } folder)
        {
            yield break;
        }

        // The state of a run that was stopped is worth more than the adapter beside it: only -Resume or an overwrite touches it.
        bool isUnfinished = TrainingStateFile.IsThere(folder);
        bool isAdapter = !isUnfinished && AdapterFolder.IsThere(folder);
        if (!options.Overwrite && ((isUnfinished && !options.Resume) || isAdapter))
        {
            yield return new(isUnfinished ? LoraError.RunUnfinished : options.Resume ? LoraError.RunEnded : LoraError.OutputExists, folder, folder);
        }

        // Found out now, and not when hours of training are to be written.
        if ((OutputFolder.WhyNot(folder) ?? AdapterFolder.WhyNot(folder)) is string reason)
        {
            yield return new(LoraError.OutputFailed, folder, folder, reason);
        }
    }
}
