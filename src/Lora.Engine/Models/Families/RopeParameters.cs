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

    /// <summary>Each frequency divided by a factor of its own, other ones in long sequences (LongRoPE, arXiv 2402.13753; Phi-3).</summary>
    LongRope,
}

/// <summary>Parameters of the rotary position embedding (RoFormer, arXiv 2104.09864).</summary>
internal sealed record RopeParameters(double Theta)
{
    public RopeScaling Scaling { get; init; }

    public double Factor { get; init; } = 1;

    public double LowFrequencyFactor { get; init; } = 1;

    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>The positions that the model was first trained on.</summary>
    public double OriginalPositions { get; init; } = 8192;

    /// <summary>LongRope's divisors in sequences of no more tokens than <see cref="OriginalPositions"/>, one for each frequency.</summary>
    public IReadOnlyList<double> ShortFactors { get; init; } = [];

    /// <summary>LongRope's divisors in longer sequences.</summary>
    public IReadOnlyList<double> LongFactors { get; init; } = [];

    /// <summary>What cos and sin are multiplied by.</summary>
    public double AttentionFactor { get; init; } = 1;

    /// <summary>The part of a head that is rotated: its first values.</summary>
    public double RotatedPart { get; init; } = 1;

    /// <summary>How many values of a head are rotated.</summary>
    public int RotatedValues(int headDimension) => (int)(headDimension * RotatedPart);

    /// <summary>Whether a sequence of so many tokens has frequencies of its own.</summary>
    public bool IsLong(long tokens) => Scaling == RopeScaling.LongRope && tokens > OriginalPositions;

    /// <summary>The rotation speeds, radians per position: theta^(-2k/d) for k in 0..d/2-1, scaled (transformers, modeling_rope_utils).</summary>
    /// <param name="dimension">How many values of a head are rotated, d.</param>
    /// <param name="isLong">Those of long sequences.</param>
    public float[] InverseFrequencies(int dimension, bool isLong = false) =>
        [.. Enumerable.Range(0, dimension / 2).Select(k => (float)Scale(Math.Pow(Theta, -2.0 * k / dimension), k, isLong))];

    private double Scale(double frequency, int index, bool isLong) => Scaling switch
    {
        RopeScaling.Linear => frequency / Factor,
        RopeScaling.Llama3 => ScaleLlama3(frequency),
        RopeScaling.LongRope => frequency / (isLong ? LongFactors : ShortFactors)[index],
        _ => frequency,
    };

    private double ScaleLlama3(double frequency)
    {
        // Tokens to a whole turn. What turned many times within the first training length is known well and stays as it is.
        double wavelength = 2 * Math.PI / frequency;
        if (wavelength < OriginalPositions / HighFrequencyFactor)
        {
            return frequency;
        }

        if (wavelength > OriginalPositions / LowFrequencyFactor)
        {
            return frequency / Factor;
        }

        // Between the two bounds, a straight line from one rule to the other.
        double smooth = ((OriginalPositions / wavelength) - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor);
        return ((1 - smooth) * frequency / Factor) + (smooth * frequency);
    }
}
