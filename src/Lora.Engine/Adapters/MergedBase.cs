using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// Base weights with an adapter added: each sum is taken in float32, rounded to the weight's dtype once, and held to be finite.
/// Disposing restores the base's own bytes.
/// </summary>
internal sealed class MergedBase : IDisposable
{
    private readonly List<ExchangedParameter> exchanged = [];

    private MergedBase()
    {
    }

    /// <summary>Adds what the layers amount to; the layers have to be detached, so that they count once.</summary>
    /// <exception cref="LoraException">MergeRefused, for every module that cannot be merged; the base is as it was then.</exception>
    public static MergedBase Of(IEnumerable<AdaptedLayer> layers, IReadOnlyDictionary<string, nn.Module> modules)
    {
        using IDisposable noGradient = no_grad();
        MergedBase merged = new();
        List<LoraProblem> problems = [];
        foreach (IGrouping<string, AdaptedLayer> module in layers.GroupBy(layer => layer.Name))
        {
            using DisposeScope scope = NewDisposeScope();
            WeightChange[] changes = [.. module.SelectMany(layer => layer.Changes())];
            problems.AddRange(changes.GroupBy(change => change.Name).Select(change => merged.Add(module.Key, [.. change], modules)).OfType<LoraProblem>());
        }

        if (problems.Count > 0)
        {
            merged.Dispose();
            LoraException.ThrowIfAny(problems);
        }

        return merged;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        exchanged.ForEach(parameter => parameter.Dispose());
        exchanged.Clear();
    }

    /// <summary>Adds the changes of one parameter; what stands in the way, or null.</summary>
    private LoraProblem? Add(string module, WeightChange[] changes, IReadOnlyDictionary<string, nn.Module> modules)
    {
        if (changes[0].Parameter is not { } parameter)
        {
            return Refused($"the adapter has a {changes[0].Name} and the module has none");
        }

        if (ModuleParameters.Sharing(parameter, modules).FirstOrDefault(name => name != module) is string other)
        {
            return Refused($"its {changes[0].Name} is also that of '{other}'");
        }

        Tensor sum = parameter.to(ScalarType.Float32);
        foreach (WeightChange change in changes)
        {
            sum = sum + change.Addition;
        }

        Tensor rounded = sum.to(parameter.dtype);
        if (!rounded.isfinite().all().ToBoolean())
        {
            return Refused($"its {changes[0].Name} would have values that are not finite");
        }

        exchanged.Add(new(parameter, rounded));
        return null;

        LoraProblem Refused(string reason) => new(LoraError.MergeRefused, module, module, reason);
    }
}
