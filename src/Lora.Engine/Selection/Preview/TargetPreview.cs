using System.Globalization;
using Lora.Models;

namespace Lora.Selection;

/// <summary>Says for each module of a model what a configuration would do to it: headers are read, no weights.</summary>
/// <param name="Targets">One for each module, in the model's order.</param>
/// <param name="Entries">What each entry of the configuration's lists hits.</param>
/// <param name="Warnings">The entries that hit nothing, with the nearest names.</param>
/// <param name="Notes">What to know of it all the same; see <see cref="ResolvedTargets.Notes"/>.</param>
public sealed record TargetPreview(
    IReadOnlyList<LoraTargetInfo> Targets, IReadOnlyList<LoraTargetEntry> Entries, IReadOnlyList<LoraProblem> Warnings, IReadOnlyList<string> Notes)
{
    /// <summary>Values that the configuration trains.</summary>
    public long ParameterCount => Targets.Sum(target => target.ParameterCount);

    /// <summary>Makes the preview.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="model">A model's folder, a .safetensors file, or a shard index.</param>
    /// <exception cref="LoraException">The model cannot be read, or the configuration cannot be resolved on it.</exception>
    public static TargetPreview Of(LoraConfig config, string model)
    {
        (TaskModules task, ResolvedTargets resolved) = Resolved(config, model, allowUnmatched: true);
        // The heads of the task are among what was resolved, and not in the configuration itself.
        LoraConfig sized = config with { ModulesToSave = [.. resolved.Saved] };
        ILookup<string, ResolvedTarget> targets = resolved.Targets.ToLookup(target => target.Module.Listed, StringComparer.Ordinal);
        return new([.. task.Modules.Zip(resolved.Decisions).Select(pair => Describe(pair.First, pair.Second))], resolved.Entries, resolved.Warnings, resolved.Notes);

        LoraTargetInfo Describe(LoraModuleInfo module, TargetDecision decision)
        {
            ResolvedTarget? target = targets[module.Name].FirstOrDefault();
            TokenRows? rows = resolved.Tokens.FirstOrDefault(tokens => tokens.Module == module.Name);
            return new()
            {
                Name = module.Name,
                Targeted = target is not null,
                Reason = rows is null ? decision.Reason : string.Create(CultureInfo.InvariantCulture, $"{rows.Indices.Count} of its rows trained: {nameof(config.TrainableToken)}"),
                Rank = target?.Rank,
                Alpha = target?.Alpha,
                Scaling = target?.Scaling,
                ParameterCount = AdapterSize.Of(module, target, sized) + (rows?.ParameterCount ?? 0),
                Kind = module.Kind,
                Layer = module.Layer,
                Model = module.Model,
            };
        }
    }

    /// <summary>What a configuration means for a model, of the modules that it has for the configuration's task.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="model">A model's folder, a .safetensors file, or a shard index.</param>
    /// <param name="allowUnmatched">Reports entries that match nothing as warnings of the result instead of as errors.</param>
    /// <exception cref="LoraException">The model cannot be read, or what <see cref="TargetResolver.Resolve"/> finds.</exception>
    public static ResolvedTargets Resolve(LoraConfig config, string model, bool allowUnmatched)
    {
        ArgumentNullException.ThrowIfNull(config);
        return Resolved(config, model, allowUnmatched).Resolved;
    }

    private static (TaskModules Modules, ResolvedTargets Resolved) Resolved(LoraConfig config, string model, bool allowUnmatched)
    {
        (TaskModules task, string? modelType) = TaskModules.Read(model, config.TaskType);
        return (task, TargetResolver.Resolve(config, task.Modules, task.Containers, modelType, allowUnmatched));
    }
}
