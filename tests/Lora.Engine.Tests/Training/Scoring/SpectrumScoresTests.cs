using System.Text.Json;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

/// <summary>Scores of weights against those of PEFT's KappaTune selector and of Spectrum on the same matrices.</summary>
public class SpectrumScoresTests
{
    private const LoraModuleScore Kappa = LoraModuleScore.ConditionNumber;
    private const LoraModuleScore Noise = LoraModuleScore.SignalToNoise;

    // Where the smallest singular value is rounding, float32 and float64 differ in the reference as well.
    private const double WellConditioned = 1e5;

    [Fact]
    public void Condition_numbers_are_PEFT_s()
    {
        (string Name, double Expected, double Taken)[] rows = [.. Rows("kappa.json", "condition_numbers_fp64", scores => scores.ConditionNumber!.Value)];

        Assert.True(rows.Length >= 20);

        // Half of float32's digits times the condition: the smallest singular value carries the rounding of the largest.
        Assert.All(rows.Where(row => row.Expected < WellConditioned), row => Assert.InRange(row.Taken, row.Expected * (1 - 1e-3), row.Expected * (1 + 1e-3)));
        Assert.All(rows.Where(row => row.Expected >= WellConditioned), row => Assert.True(row.Taken > WellConditioned / 2, $"{row.Name}: {row.Taken}"));
    }

    [Fact]
    public void Signals_to_noise_are_Spectrum_s()
    {
        (string Name, double Expected, double Taken)[] rows = [.. Rows("spectrum.json", "snr", scores => scores.SignalToNoise!.Value)];

        // A matrix whose noise is rounding alone has a figure of rounding: there only that it is large can be said.
        Assert.True(rows.Length >= 20);
        Assert.All(rows.Where(row => row.Expected < 1e5), row => Assert.InRange(row.Taken, row.Expected * (1 - 1e-4), row.Expected * (1 + 1e-4)));
        Assert.All(rows.Where(row => row.Expected >= 1e5), row => Assert.True(row.Taken > 1e5, $"{row.Name}: {row.Taken}"));
    }

    [Fact]
    public void A_matrix_of_n_equal_directions_has_effective_rank_n_and_the_norm_is_Frobenius()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor matrix = diag(tensor(new float[] { 2, 2, 2, 0 }, device: CPU)); // [4, 4]

        ModuleScores scores = WeightScoring.Of(matrix, [LoraModuleScore.EffectiveRank, LoraModuleScore.Norm], needsSpectrum: true);

        Assert.Equal(3, scores.EffectiveRank!.Value, 6);
        Assert.Equal(Math.Sqrt(12), scores.Norm!.Value, 6);
        Assert.Null(scores.ConditionNumber);
    }

    private static IEnumerable<(string Name, double Expected, double Taken)> Rows(string file, string table, Func<ModuleScores, double> value)
    {
        string folder = Repository.Shared("golden2", "scores");
        GoldenTensors matrices = new(Path.Combine(folder, "matrices.safetensors"));
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, file)));
        foreach (JsonProperty entry in json.RootElement.GetProperty(table).EnumerateObject())
        {
            double expected = entry.Value.ValueKind == JsonValueKind.Number ? entry.Value.GetDouble() : double.PositiveInfinity;
            yield return (entry.Name, expected, value(Score(matrices[entry.Name])));
        }
    }

    private static ModuleScores Score(Tensor matrix)
    {
        using DisposeScope scope = NewDisposeScope();
        return WeightScoring.Of(matrix, [Kappa, Noise], needsSpectrum: true);
    }
}
