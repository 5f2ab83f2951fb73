using System.Globalization;
using Lora.Checkpoints;

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
        ModuleTree tree = ModuleTree.Read(model);
        ResolvedTargets resolved = TargetResolver.Resolve(config, tree.Modules, tree.Containers, tree.ModelType, allowUnmatched: true);
        LoraConfig sized = config with { ModulesToSave = [.. resolved.Saved] };
        ILookup<string, ResolvedTarget> targets = resolved.Targets.ToLookup(target => target.Module.Listed, StringComparer.Ordinal);
        return new([.. tree.Modules.Zip(resolved.Decisions).Select(pair => Describe(pair.First, pair.Second))], resolved.Entries, resolved.Warnings, resolved.Notes);

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
}
