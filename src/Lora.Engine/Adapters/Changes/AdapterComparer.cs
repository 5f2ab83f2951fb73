using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>Compares what two adapters of one base model change, module by module and as a whole.</summary>
public static class AdapterComparer
{
    /// <summary>Compares them.</summary>
    /// <param name="reference">The one to compare with.</param>
    /// <param name="other">The one to compare.</param>
    /// <param name="progress">Told after each module.</param>
    /// <param name="cancellation">Ends the work before the next module.</param>
    /// <exception cref="LoraException">AdapterWeightsInvalid; ComparisonRefused: an adapter changes more than A and B say, has values that are not finite, or
    /// the shapes of a module differ; everything that is in the way is said.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static LoraAdapterComparison Compare(
        LoraAdapter reference, LoraAdapter other, IProgress<WorkProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(other);
        LoraAdapter[] adapters = [reference, other];
        LoraException.ThrowIfAny([.. adapters.SelectMany(adapter => AdapterWeightRules.Check(adapter.Config, adapter.Tensors, adapter.Label))]);
        IReadOnlyDictionary<string, FactorPair>[] pairs = [.. adapters.Select(FactorPair.Of)];
        LoraException.ThrowIfAny([.. adapters.SelectMany(PlainFactors.Obstacles).Concat(PlainFactors.DifferentShapes(pairs))
            .Select(text => new LoraProblem(LoraError.ComparisonRefused, null, text))]);
        TorchLibrary.Load();
        using IDisposable noGradient = no_grad();
        string[] names = [.. pairs.SelectMany(adapter => adapter.Keys).Distinct()];
        List<LoraAdapterDifference> modules = [];
        foreach (string name in names)
        {
            cancellation.ThrowIfCancellationRequested();
            modules.Add(Difference(name, pairs[0].GetValueOrDefault(name), pairs[1].GetValueOrDefault(name)));
            progress?.Report(new("Comparing", modules.Count, names.Length, WorkUnit.Module, name));
        }

        return new() { Module = [.. modules], Reference = reference.Label, Difference = other.Label };
    }

    private static LoraAdapterDifference Difference(string name, FactorPair? reference, FactorPair? other)
    {
        BlockPlace? place = BlockPlace.Of(name);
        double? left = Norm(reference);
        double? right = Norm(other);
        return new()
        {
            Name = name,
            Block = place?.Name,
            Layer = place?.Block,
            ReferenceNorm = left,
            DifferenceNorm = right,

            // The cosine of nothing with something is not a number but none.
            Cosine = left > 0 && right > 0 ? Math.Clamp(FactorMeasures.Dot(reference!, other!) / (left.Value * right.Value), -1, 1) : null,
        };
    }

    private static double? Norm(FactorPair? pair) => pair is null ? null : FactorMeasures.Norm(FactorMeasures.SingularValues(pair));
}
