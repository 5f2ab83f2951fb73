namespace Lora.Models;

/// <summary>How the rotary position embedding stretches its frequencies.</summary>
internal enum RopeScaling
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>All frequencies divided by a factor.</summary>
    Linear,

    /// <summary>A base that grows with the sequence beyond the original length (dynamic NTK).</summary>
    Dynamic,

    /// <summary>Long wavelengths divided by a factor, short ones kept, a ramp between (Llama 3.1).</summary>
    Llama3,

    /// <summary>The same with a ramp over the frequencies' numbers, and larger cos and sin (YaRN, arXiv 2309.00071).</summary>
    Yarn,

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

    /// <summary>YaRN keeps what turns more often than this within the original positions.</summary>
    public double FastTurns { get; init; } = 32;

    /// <summary>YaRN divides what turns less often than this within the original positions.</summary>
    public double SlowTurns { get; init; } = 1;

    /// <summary>Whether the ends of YaRN's ramp are whole numbers.</summary>
    public bool TruncatesRamp { get; init; } = true;

    /// <summary>LongRope's divisors in sequences of no more tokens than <see cref="OriginalPositions"/>, one for each frequency.</summary>
    public IReadOnlyList<double> ShortFactors { get; init; } = [];

    /// <summary>LongRope's divisors in longer sequences.</summary>
    public IReadOnlyList<double> LongFactors { get; init; } = [];

    /// <summary>What cos and sin are multiplied by.</summary>
    public double AttentionFactor { get; init; } = 1;

    /// <summary>The part of a head that is rotated: its first values.</summary>
    public double RotatedPart { get; init; } = 1;

    /// <summary>Whether value 2k is paired with value 2k + 1, and not value k with value k + rotated/2 (GPT-J, Cohere).</summary>
    public bool IsInterleaved { get; init; }

    /// <summary>How many values of a head are rotated.</summary>
    public int RotatedValues(int headDimension) => (int)(headDimension * RotatedPart);

    /// <summary>What the frequencies of a sequence hang on beside the parameters: sequences of one number have the same.</summary>
    /// <param name="tokens">Its length.</param>
    public long Stretch(long tokens) => tokens <= OriginalPositions ? 0 : Scaling switch
    {
        RopeScaling.LongRope => 1,
        RopeScaling.Dynamic => tokens,
        _ => 0,
    };

    /// <summary>The rotation speeds, radians per position: theta^(-2k/d) for k in 0..d/2-1, scaled (transformers, modeling_rope_utils).</summary>
    /// <param name="dimension">How many values of a head are rotated, d.</param>
    /// <param name="tokens">The length of the sequence.</param>
    public float[] InverseFrequencies(int dimension, long tokens = 0) =>
        [.. Enumerable.Range(0, dimension / 2).Select(k => (float)RopeFrequencies.Of(this, k, dimension, tokens))];
}
