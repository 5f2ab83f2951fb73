namespace Lora.Models;

/// <summary>How the rotary position embedding stretches its frequencies.</summary>
internal enum RopeScaling
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>All frequencies divided by a factor.</summary>
    Linear,

    /// <summary>Long wavelengths divided by a factor, short ones kept, a ramp between (Llama 3.1).</summary>
    Llama3,
}

/// <summary>Parameters of the rotary position embedding (RoFormer, arXiv 2104.09864).</summary>
internal sealed record RopeParameters(double Theta)
{
    public RopeScaling Scaling { get; init; }

    public double Factor { get; init; } = 1;

    public double LowFrequencyFactor { get; init; } = 1;

    public double HighFrequencyFactor { get; init; } = 4;

    public double OriginalPositions { get; init; } = 8192;

    /// <summary>The rotation speeds, radians per position: theta^(-2k/d) for k in 0..d/2-1, scaled (transformers, modeling_rope_utils).</summary>
    /// <param name="dimension">Size of a head, d.</param>
    public float[] InverseFrequencies(int dimension) =>
        [.. Enumerable.Range(0, dimension / 2).Select(k => (float)Scale(Math.Pow(Theta, -2.0 * k / dimension)))];

    private double Scale(double frequency) => Scaling switch
    {
        RopeScaling.Linear => frequency / Factor,
        RopeScaling.Llama3 => ScaleLlama3(frequency),
        _ => frequency,
    };

    private double ScaleLlama3(double frequency)
    {
        double wavelength = 2 * Math.PI / frequency;
        if (wavelength < OriginalPositions / HighFrequencyFactor)
        {
            return frequency;
        }

        if (wavelength > OriginalPositions / LowFrequencyFactor)
        {
            return frequency / Factor;
        }

        double smooth = ((OriginalPositions / wavelength) - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor);
        return ((1 - smooth) * frequency / Factor) + (smooth * frequency);
    }
}
