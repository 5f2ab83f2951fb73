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
    private readonly bool needsSpectrum = scores.Any(score => !score.NeedsData() && score != LoraModuleScore.Norm);

    /// <summary>The scores of each module, in their order; none for a module without a matrix of plain numbers.</summary>
    /// <param name="modules">Modules of the model.</param>
    /// <param name="onScored">Told of each.</param>
    /// <param name="cancellation">Checked before each matrix.</param>
    /// <exception cref="LoraException">The files are unreadable or were cut off.</exception>
    public void Score(IReadOnlyList<LoraModuleInfo> modules, Action<LoraModuleInfo, ModuleScores> onScored, CancellationToken cancellation)
    {
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        ModuleTree tree = ModuleTree.Of(checkpoint);
        (LoraModuleInfo Module, TensorInfo? Weight)[] all = [.. modules.Select(module => (module, Matrix(tree, module)))];

        // One for all of them: to be given new pages takes longer than to read into them.
        using Tensor room = empty([all.Max(entry => entry.Weight is TensorInfo weight ? Count(weight) : 0)], dtype: ScalarType.Float32, device: CPU);
        foreach ((LoraModuleInfo module, TensorInfo? weight) in all)
        {
            cancellation.ThrowIfCancellationRequested();
            onScored(module, weight is null ? default : Of(checkpoint, weight, room, cancellation));
        }
    }

    private static TensorInfo? Matrix(ModuleTree tree, LoraModuleInfo module) =>
        module.Quantization is null && tree.ParameterOf(module.Name, "weight") is { Shape.Length: >= 2 } weight && TensorType.IsKnown(weight.DataType) ? weight : null;

    private static long Count(TensorInfo weight) => weight.Shape.Aggregate(1L, (count, size) => count * size);

    private ModuleScores Of(Checkpoint checkpoint, TensorInfo weight, Tensor room, CancellationToken cancellation)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = room.narrow(0, 0, Count(weight)).view(weight.Shape);
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
