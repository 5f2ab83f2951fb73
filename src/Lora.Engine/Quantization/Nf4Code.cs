using System.Numerics;

namespace Lora.Quantization;

/// <summary>
/// The 16 values of the 4-bit normal float (arXiv 2305.14314, appendix E): quantiles of the normal distribution, scaled to [-1, 1], zero among
/// them. The code of a value is the number of boundaries that it exceeds; bitsandbytes draws the boundaries so. Two codes lie in a byte, the
/// first in its upper half.
/// </summary>
internal static unsafe class Nf4Code
{
    private static readonly float[] Boundaries =
    [
        -0.8480964004993439f, -0.6106329262256622f, -0.4599952697753906f, -0.33967943489551544f, -0.23460740596055984f,
        -0.13791173323988914f, -0.045525018125772476f, 0.03979014977812767f, 0.1202552504837513f, 0.2035212516784668f,
        0.2920137718319893f, 0.3893125355243683f, 0.5016634166240692f, 0.6427869200706482f, 0.8614784181118011f,
    ];

    /// <summary>The values in the order of their codes.</summary>
    public static IReadOnlyList<float> Values { get; } =
    [
        -1f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
        -0.09105003625154495f, 0f, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
        0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1f,
    ];

    /// <summary>Writes the codes of values in [-1, 1] after a factor.</summary>
    /// <param name="values">As many as vectors hold whole, an even number.</param>
    /// <param name="count">How many.</param>
    /// <param name="factor">What brings them into the range.</param>
    /// <param name="codes">Half as many bytes.</param>
    public static void Pack(float* values, int count, float factor, byte* codes)
    {
        int* wide = stackalloc int[count];
        for (int at = 0; at < count; at += Vector<float>.Count)
        {
            Vector<float> scaled = Vector.Load(values + at) * factor;
            Vector<int> code = Vector<int>.Zero;

            // Fifteen compares of whole vectors, without a branch.
            foreach (float boundary in Boundaries)
            {
                code -= Vector.GreaterThan(scaled, new Vector<float>(boundary)); // true is -1
            }

            code.Store(wide + at);
        }

        for (int pair = 0; pair < count / 2; pair++)
        {
            // The first value in the upper half, as bitsandbytes packs it.
            codes[pair] = (byte)((wide[2 * pair] << 4) | wide[(2 * pair) + 1]);
        }
    }
}
