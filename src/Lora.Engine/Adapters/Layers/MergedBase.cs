using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>One adapter in the base's weights. Disposing takes it out.</summary>
internal sealed class MergedBase : IDisposable
{
    private readonly List<(MergedLayers Merged, AdaptedLayer[] Layers)> merged = [];

    private MergedBase()
    {
    }

    /// <summary>Adds what layers amount to; they have to be off, so that they count once.</summary>
    /// <exception cref="LoraException">MergeRefused, for every module that cannot be merged; the base is as it was then.</exception>
    public static MergedBase Of(IEnumerable<AdaptedLayer> layers, IReadOnlyDictionary<string, nn.Module> modules)
    {
        MergedBase result = new();
        List<LoraProblem> problems = [];

        // A module's layers together: their changes are summed before the one rounding.
        foreach (IGrouping<AdaptedModule, AdaptedLayer> group in layers.GroupBy(layer => layer.Module))
        {
            AdaptedLayer[] added = [.. group];
            IReadOnlyList<LoraProblem> found = group.Key.Merged.Add(added, modules);
            problems.AddRange(found);
            if (found.Count == 0)
            {
                result.merged.Add((group.Key.Merged, added));
            }
        }

        if (problems.Count > 0)
        {
            // What could be merged is taken out again: all modules or none.
            result.Dispose();
            LoraException.ThrowIfAny(problems);
        }

        return result;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        merged.ForEach(entry => entry.Merged.Remove(entry.Layers));
        merged.Clear();
    }
}
