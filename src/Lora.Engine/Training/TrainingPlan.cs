using Lora.Adapters;
using Lora.Selection;

namespace Lora.Training;

/// <summary>What a run will do, found out from headers and configuration alone; everything that is wrong is found here, before any work.</summary>
/// <param name="Folder">The model's folder.</param>
/// <param name="Targets">The modules to adapt.</param>
/// <param name="Config">The configuration as the user gave it; one that goes on from an adapter has its initialisation.</param>
/// <param name="Start">The adapter whose values training goes on from; null to begin anew.</param>
/// <param name="SavedConfig">The configuration as it is written with the adapter.</param>
/// <param name="Warnings">Messages that do not stop the run.</param>
internal sealed record TrainingPlan(
    string Folder, IReadOnlyList<AdapterTarget> Targets, LoraConfig Config, LoraAdapter? Start, LoraConfig SavedConfig, IReadOnlyList<string> Warnings)
{
    /// <summary>Makes the plan.</summary>
    /// <exception cref="LoraException">All problems of the options, the configuration, the model, the files and the destination.</exception>
    public static TrainingPlan Make(LoraConfig config, TrainingData data, TrainingOptions options)
    {
        List<LoraProblem> problems = [.. options.Check(), .. Problems.MissingFiles(data.Dataset, data.ValidationDataset), .. Destination(options)];
        LoraAdapter? start = options.AdapterPath is string path ? Problems.Collect(problems, () => AdapterFolder.Load(path)) : options.Adapter;
        if (start is not null)
        {
            config = config with { Initialization = start.Config.Initialization };
            problems.AddRange(AdapterWeightRules.Check(config, start.Tensors, start.Path ?? start.ToString()));
        }

        string? folder = Problems.Collect(problems, () => ModelTargets.Folder(config));
        ResolvedTargets? resolved = folder is null ? null : Problems.Collect(problems, () => ModelTargets.Resolve(config, folder, options.AllowUnmatched));
        LoraException.ThrowIfAny(problems);
        IEnumerable<string> warnings = resolved!.Warnings.Select(warning => warning.Message).Concat(resolved.Notes);
        string? unconverted = start is null ? null : UnconvertedStart.Warning(start);
        return new(
            folder!,
            ModelTargets.ForAdapter(resolved),
            config,
            start,
            FileTargets.Spell(config, resolved) with { Model = folder, BaseModelNameOrPath = config.BaseModelNameOrPath ?? folder },
            unconverted is null ? [.. warnings] : [.. warnings, unconverted]);
    }

    private static IEnumerable<LoraProblem> Destination(TrainingOptions options) =>
        options.OutputPath is string folder && !options.Overwrite && AdapterFolder.IsThere(folder)
            ? [new LoraProblem(LoraError.OutputExists, folder, folder)]
            : [];
}
