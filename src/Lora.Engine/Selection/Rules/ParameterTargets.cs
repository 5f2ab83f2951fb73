using System.Globalization;

namespace Lora.Selection;

/// <summary>
/// PEFT's target_parameters: an entry means every parameter whose dotted name it equals or is the ending of; exclusions and layers do not touch it
/// (tuners_utils.py, _inject_parameters).
/// </summary>
/// <remarks>Known are the parameters that are listed by themselves and the weights of all other modules.</remarks>
internal sealed class ParameterTargets
{
    private const string Weight = "weight";

    private readonly SuffixTable entries;
    private readonly (LoraModuleInfo Parameter, int Entry)[] found;
    private readonly Dictionary<string, int> decided;

    /// <param name="config">The configuration.</param>
    /// <param name="modules">What the model lists.</param>
    public ParameterTargets(LoraConfig config, IReadOnlyList<LoraModuleInfo> modules)
    {
        entries = new(config.TargetParameter ?? []);
        found = entries.Entries.Count == 0 ? []
            : [.. from listed in modules
                  // A shared weight is a parameter of the module whose name it has in the file.
                  where listed.TiedTo is null
                  let parameter = listed.Parameter is null ? WeightOf(listed) : listed
                  let entry = entries.Find(parameter.Name)
                  where entry >= 0
                  select (parameter, entry)];
        decided = found.DistinctBy(one => one.Parameter.Listed).ToDictionary(one => one.Parameter.Listed, one => one.Entry, StringComparer.Ordinal);
    }

    /// <summary>The parameters that are adapted, in the model's order.</summary>
    public IEnumerable<LoraModuleInfo> Parameters => found.Where(one => IsMatrix(one.Parameter)).Select(one => one.Parameter);

    /// <summary>The names of all parameters that are meant.</summary>
    public IReadOnlyList<string> Names => [.. found.Select(one => one.Parameter.Name)];

    /// <summary>What was decided about a module or parameter of the listing; null when none of its parameters is meant.</summary>
    public TargetDecision? Decide(LoraModuleInfo listed) => decided.TryGetValue(listed.Name, out int entry)
        ? new()
        {
            Name = listed.Name,
            Rule = TargetRule.TargetParameter,
            List = nameof(LoraConfig.TargetParameter),
            Entry = entries.Entries[entry],
            EntryIndex = entry,
            IsParameter = true,
        }
        : listed.Parameter is null ? null
        : new() { Name = listed.Name, Rule = TargetRule.NoTarget, IsParameter = true };

    /// <summary>What PEFT refuses: what is no matrix, the parameter of a module that is adapted itself or trained whole, and one expert stored [in, out].</summary>
    /// <param name="modules">The modules that are adapted.</param>
    /// <param name="saved">The whole names of the modules that are trained whole.</param>
    public IEnumerable<LoraProblem> Problems(IEnumerable<string> modules, IReadOnlyList<string> saved)
    {
        HashSet<string> adapted = new(modules, StringComparer.Ordinal);
        foreach (LoraModuleInfo parameter in found.Select(one => one.Parameter))
        {
            string name = parameter.Name;
            if (!IsMatrix(parameter))
            {
                string kind = string.Create(CultureInfo.InvariantCulture, $"parameter of {parameter.Shape.Count} {(parameter.Shape.Count == 1 ? "dimension" : "dimensions")}");
                yield return new(LoraError.TargetKindUnsupported, name, name, kind, "matrices and stacks of them");
            }
            else if (parameter.Owner.Length == 0)
            {
                yield return new(LoraError.ConfigConflict, name, $"'{name}' is a parameter of the model itself and of no module in it, which PEFT does not adapt");
            }
            else if (adapted.Contains(parameter.Owner))
            {
                yield return new(LoraError.ConfigConflict, name, $"TargetParameter means '{name}', and its module is a target too");
            }
            else if (saved.Any(entry => SavedModules.Holds(entry, parameter.Owner)))
            {
                yield return new(LoraError.ConfigConflict, name, $"TargetParameter means '{name}', and its module is trained whole");
            }
            else if (parameter is { HasInputsFirst: true, ExpertCount: 1 })
            {
                yield return new(LoraError.ConfigConflict, name, $"'{name}' has one expert, stored [in, out], whose change PEFT cannot add");
            }
        }
    }

    /// <summary>How many parameters each entry matches by itself, and for how many it decides.</summary>
    public IEnumerable<LoraTargetEntry> Count()
    {
        int[] hits = new int[entries.Entries.Count];
        found.ToList().ForEach(one => entries.CountHits(one.Parameter.Name, hits, endings: true));
        return entries.Entries.Distinct(StringComparer.Ordinal).Select(entry => LoraTargetEntry.Of(
            nameof(LoraConfig.TargetParameter), entry, hits[entries.FindExact(entry)], found.Count(one => entries.Entries[one.Entry] == entry)));
    }

    /// <summary>The weight of a module as a parameter.</summary>
    public static LoraModuleInfo WeightOf(LoraModuleInfo module) => new()
    {
        Name = $"{module.Name}.{Weight}",
        Parameter = Weight,
        Kind = module.Shape.Count == 3 ? LoraModuleKind.Expert : module.Kind,
        Shape = module.Shape,
        // A stack of matrices is taken for [experts, out, in], a table or a matrix for [out, in].
        InFeatures = module.Shape.Count is 2 or 3 ? module.Shape[^1] : null,
        OutFeatures = module.Shape.Count is 2 or 3 ? module.Shape[^2] : null,
        ExpertCount = module.Shape.Count == 3 ? module.Shape[0] : null,
        DataType = module.DataType,
        Quantization = module.Quantization,
        ParameterCount = module.Shape.Aggregate(1L, (count, size) => count * size),
        Layer = module.Layer,
        Role = module.Role,
        Model = module.Model,
        File = module.File,
    };

    private static bool IsMatrix(LoraModuleInfo parameter) => parameter.Shape.Count is 2 or 3;
}
