using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// The layers that are added to the weights of one module, of one adapter or of several. Each weight is the base's own plus all changes, summed
/// in float32 and rounded to the weight's dtype once, so that taking one adapter out again leaves what the others alone amount to.
/// </summary>
internal sealed class MergedLayers(AdaptedModule module)
{
    // By number, so that the sum does not hang on what was merged first.
    private readonly SortedDictionary<int, AdaptedLayer> layers = [];
    private readonly List<string> written = [];

    /// <summary>The layers.</summary>
    public IEnumerable<AdaptedLayer> Layers => layers.Values;

    /// <summary>Adds layers, which have to be off, so that they count once.</summary>
    /// <returns>What stands in the way; the module is as it was then.</returns>
    public IReadOnlyList<LoraProblem> Add(IReadOnlyList<AdaptedLayer> more, IReadOnlyDictionary<string, nn.Module> modules)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        string name = more[0].ModuleName;
        IGrouping<string, WeightChange>[] changes = [.. Changes(layers.Values.Concat(more))];
        LoraProblem[] problems = [.. changes.Select(group => Obstacle(name, group.Key, modules)).OfType<LoraProblem>()];
        if (problems.Length > 0)
        {
            return problems;
        }

        (string Name, Tensor Value)[] sums = [.. changes.Select(Sum)];

        // After rounding, since a sum that float32 holds may be infinite in float16.
        problems = [.. sums.Where(sum => !sum.Value.isfinite().all().ToBoolean()).Select(sum => Refused(name, $"its {sum.Name} would have values that are not finite"))];
        if (problems.Length == 0)
        {
            more.ToList().ForEach(layer => layers.Add(layer.Number, layer));
            Write(sums);
        }

        return problems;
    }

    /// <summary>Takes layers out; without any, the weights are the base's own bytes.</summary>
    public void Remove(IEnumerable<AdaptedLayer> gone)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        foreach (AdaptedLayer layer in gone)
        {
            layers.Remove(layer.Number);
        }

        Write([.. Changes(layers.Values).Select(Sum)]);
    }

    private static IEnumerable<IGrouping<string, WeightChange>> Changes(IEnumerable<AdaptedLayer> all) =>
        all.SelectMany(layer => layer.Changes()).GroupBy(change => change.Name);

    /// <summary>What stands in the way of changing a parameter, or null.</summary>
    private LoraProblem? Obstacle(string name, string parameter, IReadOnlyDictionary<string, nn.Module> modules)
    {
        if (module.Parameter(parameter) is not Parameter found)
        {
            return Refused(name, $"the adapter has a {parameter} and the module has none");
        }

        // 4-bit weights have their name and shape there and no values.
        if (found.device_type == DeviceType.META)
        {
            return Refused(name, "it is held in 4 bits; merging goes into the original weights on disk, with Export-LoraModel");
        }

        // A tied head and embedding would both change by what was learned for one.
        return ModuleParameters.Sharing(found, modules).FirstOrDefault(other => other != name) is string other
            ? Refused(name, $"its {parameter} is also that of '{other}'")
            : null;
    }

    private (string Name, Tensor Value) Sum(IGrouping<string, WeightChange> changes)
    {
        Tensor own = module.BaseValue(changes.Key)!;

        // From the base's own values each time, so that roundings do not add up over merges.
        Tensor exact = own.to(ScalarType.Float32);
        Tensor sum = changes.Aggregate(exact, (sum, change) => change.AddedTo(sum, exact));
        return (changes.Key, sum.to(own.dtype));
    }

    private void Write((string Name, Tensor Value)[] sums)
    {
        // Back to the base's own memory first: a parameter is exchanged against its original, never against another exchange.
        written.ForEach(module.Restore);
        written.Clear();
        foreach ((string name, Tensor value) in sums)
        {
            module.Exchange(name, value);
            written.Add(name);
        }
    }

    private static LoraProblem Refused(string name, string reason) => new(LoraError.MergeRefused, name, name, reason);
}
