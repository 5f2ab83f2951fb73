namespace Lora.Models;

/// <summary>One rotation speed of a head, as each scaling has it (transformers, modeling_rope_utils).</summary>
internal static class RopeFrequencies
{
    /// <summary>Radians per position.</summary>
    /// <param name="rope">The parameters.</param>
    /// <param name="index">The pair of values, k.</param>
    /// <param name="dimension">Values that are rotated, d.</param>
    /// <param name="tokens">The length of the sequence.</param>
    public static double Of(RopeParameters rope, int index, int dimension, long tokens)
    {
        double frequency = Math.Pow(rope.Theta, -2.0 * index / dimension);
        return rope.Scaling switch
        {
            RopeScaling.Linear => frequency / rope.Factor,
            RopeScaling.Dynamic => Math.Pow(DynamicTheta(rope, dimension, tokens), -2.0 * index / dimension),
            RopeScaling.Llama3 => Llama3(rope, frequency),
            RopeScaling.Yarn => Yarn(rope, frequency, index, dimension),
            RopeScaling.LongRope => frequency / (rope.Stretch(tokens) > 0 ? rope.LongFactors : rope.ShortFactors)[index],
            _ => frequency,
        };
    }

    /// <summary>What cos and sin are multiplied by where YaRN's configuration does not say: 0.1 ln(factor) + 1, or with weights the quotient of two of these.</summary>
    /// <param name="factor">The stretching.</param>
    /// <param name="weight">mscale; null for none.</param>
    /// <param name="weightAll">mscale_all_dim; null for none.</param>
    public static double YarnFactor(double factor, double? weight, double? weightAll)
    {
        return weight is double one and not 0 && weightAll is double all and not 0 ? Magnitude(one) / Magnitude(all) : Magnitude(1);

        double Magnitude(double scale) => factor <= 1 ? 1 : (0.1 * scale * Math.Log(factor)) + 1;
    }

    /// <summary>theta · (factor L / original - (factor - 1))^(d / (d - 2)); up to the original length theta itself.</summary>
    private static double DynamicTheta(RopeParameters rope, int dimension, long tokens)
    {
        double stretched = Math.Max(tokens, rope.OriginalPositions) / rope.OriginalPositions;
        return rope.Theta * Math.Pow((rope.Factor * stretched) - (rope.Factor - 1), dimension / (dimension - 2.0));
    }

    private static double Llama3(RopeParameters rope, double frequency)
    {
        // Tokens to a whole turn. What turned many times within the first training length is known well and stays as it is.
        double wavelength = 2 * Math.PI / frequency;
        if (wavelength < rope.OriginalPositions / rope.HighFrequencyFactor)
        {
            return frequency;
        }

        if (wavelength > rope.OriginalPositions / rope.LowFrequencyFactor)
        {
            return frequency / rope.Factor;
        }

        // Between the two bounds, a straight line from one rule to the other.
        double smooth = ((rope.OriginalPositions / wavelength) - rope.LowFrequencyFactor) / (rope.HighFrequencyFactor - rope.LowFrequencyFactor);
        return ((1 - smooth) * frequency / rope.Factor) + (smooth * frequency);
    }

    /// <summary>A straight line over k between the pair that turns <see cref="RopeParameters.FastTurns"/> times and the one that turns SlowTurns times.</summary>
    private static double Yarn(RopeParameters rope, double frequency, int index, int dimension)
    {
        double low = PairOf(rope.FastTurns);
        double high = PairOf(rope.SlowTurns);
        if (rope.TruncatesRamp)
        {
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        }

        (low, high) = (Math.Max(low, 0), Math.Min(high, dimension - 1));
        double width = high == low ? 0.001 : high - low; // as transformers, where both ends are one pair
        double ramp = Math.Clamp((index - low) / width, 0, 1);
        return (frequency / rope.Factor * ramp) + (frequency * (1 - ramp));

        // The k, not whole, that turns so often within the original positions.
        double PairOf(double turns) => dimension * Math.Log(rope.OriginalPositions / (turns * 2 * Math.PI)) / (2 * Math.Log(rope.Theta));
    }
}
