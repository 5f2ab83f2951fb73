namespace Lora.Training;

/// <summary>What the singular values of a weight tell of it.</summary>
internal static class SpectrumScores
{
    /// <summary>Added to the smallest singular value (PEFT, helpers.py, KappaTuneSelector).</summary>
    private const double KappaGuard = 1e-8;

    /// <summary>The interquartile range of a normal distribution over its deviation.</summary>
    private const double NormalQuartiles = 1.349;

    /// <summary>σ₁ / (σₙ + 1e-8).</summary>
    /// <param name="values">Singular values, the largest first.</param>
    public static double ConditionNumber(double[] values) => values[0] / (values[^1] + KappaGuard);

    /// <summary>
    /// Spectrum's signal to noise as its code has it (spectrum.py, calculate_snr_for_layer): the bound is IQR / 1.349 · (1 + sqrt(β)); nothing
    /// above it counts as a signal of 0, nothing below it as a noise of 1; the ratio is divided by the largest value.
    /// </summary>
    /// <param name="values">Singular values, the largest first.</param>
    /// <param name="rows">Of the weight.</param>
    /// <param name="columns">Of the weight.</param>
    public static double SignalToNoise(double[] values, long rows, long columns)
    {
        double spread = (Quantile(values, 0.75) - Quantile(values, 0.25)) / NormalQuartiles;
        double bound = spread * (1 + Math.Sqrt(Math.Min(rows, columns) / (double)Math.Max(rows, columns)));
        double[] signal = [.. values.Where(value => value > bound)];
        double[] noise = [.. values.Where(value => value <= bound)];
        double noiseSum = noise.Length > 0 ? noise.Sum() : 1;
        return (noiseSum == 0 ? double.PositiveInfinity : signal.Sum() / noiseSum) / values[0];
    }

    /// <summary>A quantile by a straight line between the two values around it, as torch.quantile gives it.</summary>
    private static double Quantile(double[] descending, double share)
    {
        double place = share * (descending.Length - 1);
        int below = (int)Math.Floor(place);
        double low = descending[^(below + 1)];
        double high = descending[^Math.Min(below + 2, descending.Length)];
        return low + ((place - below) * (high - low));
    }
}
