using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>Scores of a weight alone, taken one matrix after another as they are read: there is never more than the largest in memory.</summary>
/// <param name="folder">The model's folder or file.</param>
/// <param name="scores">What is taken.</param>
internal sealed class WeightScoring(string folder, IReadOnlyCollection<LoraModuleScore> scores)
{
    private const long BatchBytes = 256L << 20; // at the rate of a disk a moment, so that progress is seen

    private readonly bool needsSpectrum = scores.Any(score => !score.NeedsData() && score != LoraModuleScore.Norm);

    /// <summary>The scores of each module, in their order; none for a module without a matrix of plain numbers.</summary>
    /// <param name="modules">Modules of the model.</param>
    /// <param name="onScored">Told of each.</param>
    /// <param name="cancellation">Checked before each matrix, and within those that are only summed up.</param>
    /// <exception cref="LoraException">The files are unreadable or were cut off.</exception>
    public void Score(IReadOnlyList<LoraModuleInfo> modules, Action<LoraModuleInfo, ModuleScores> onScored, CancellationToken cancellation)
    {
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        ModuleTree tree = ModuleTree.Of(checkpoint);
        (LoraModuleInfo Module, TensorInfo? Weight)[] all = [.. modules.Select(module => (module, Matrix(tree, module)))];

        // One for all of them: to be given new pages takes longer than to read into them.
        using Tensor room = empty([all.Select(entry => entry.Weight is TensorInfo weight && !IsSummed(weight) ? weight.ElementCount : 0).Append(0).Max()], dtype: ScalarType.Float32, device: CPU);
        foreach ((LoraModuleInfo Module, TensorInfo? Weight)[] batch in Batches(all))
        {
            // What hangs on the values alone is summed up as they are read; they need not be a matrix in memory.
            TensorInfo[] summed = [.. batch.Select(entry => entry.Weight).OfType<TensorInfo>().Where(IsSummed)];
            Dictionary<string, double> norms = summed.Zip(StoredNorms.Of(summed, checkpoint, get_num_threads(), cancellation)).DistinctBy(pair => pair.First.Name)
                .ToDictionary(pair => pair.First.Name, pair => pair.Second, StringComparer.Ordinal);
            foreach ((LoraModuleInfo module, TensorInfo? weight) in batch)
            {
                cancellation.ThrowIfCancellationRequested();
                onScored(module, weight is null ? default : norms.TryGetValue(weight.Name, out double norm) ? new() { Norm = norm } : Of(checkpoint, weight, room, cancellation));
            }
        }
    }

    private static TensorInfo? Matrix(ModuleTree tree, LoraModuleInfo module) =>
        module.Quantization is null && tree.ParameterOf(module.Name, "weight") is { Shape.Length: >= 2 } weight && TensorType.IsKnown(weight.DataType) ? weight : null;

    /// <summary>The modules in their order, as many at once as have so many bytes.</summary>
    private static IEnumerable<(LoraModuleInfo Module, TensorInfo? Weight)[]> Batches((LoraModuleInfo Module, TensorInfo? Weight)[] all)
    {
        long bytes = 0;
        return all.GroupBy(entry => (bytes += entry.Weight?.Length ?? 0) / BatchBytes).Select(batch => batch.ToArray());
    }

    private bool IsSummed(TensorInfo weight) => !needsSpectrum && SquareSums.Knows(weight.DataType);

    private ModuleScores Of(Checkpoint checkpoint, TensorInfo weight, Tensor room, CancellationToken cancellation)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = room.narrow(0, 0, weight.ElementCount).view(weight.Shape);
        WeightReader.Fill([(values, weight)], checkpoint, cancellation: cancellation);
        return Of(values.flatten(1), scores, needsSpectrum); // a convolution as the matrix [out, in height width]
    }

    /// <summary>The scores of a matrix.</summary>
    /// <param name="matrix">[rows, columns], float32.</param>
    /// <param name="scores">What is taken.</param>
    /// <param name="needsSpectrum">Whether any of them is of the singular values.</param>
    public static ModuleScores Of(Tensor matrix, IReadOnlyCollection<LoraModuleScore> scores, bool needsSpectrum)
    {
        double norm = matrix.norm().ToDouble(); // summed up in float32 by blocks, in one pass
        if (!needsSpectrum || !double.IsFinite(norm))
        {
            return new() { Norm = Taken(LoraModuleScore.Norm, () => norm) };
        }

        double[] spectrum = [.. linalg.svdvals(matrix).to(ScalarType.Float64).data<double>()]; // the largest first
        return new()
        {
            Norm = Taken(LoraModuleScore.Norm, () => norm),
            ConditionNumber = Taken(LoraModuleScore.ConditionNumber, () => SpectrumScores.ConditionNumber(spectrum)),
            SignalToNoise = Taken(LoraModuleScore.SignalToNoise, () => SpectrumScores.SignalToNoise(spectrum, matrix.shape[0], matrix.shape[1])),
            EffectiveRank = Taken(LoraModuleScore.EffectiveRank, () => FactorMeasures.EffectiveRank(spectrum)),
        };

        double? Taken(LoraModuleScore score, Func<double> value) => scores.Contains(score) ? value() : null;
    }
}
