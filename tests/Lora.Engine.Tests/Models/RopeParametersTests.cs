using Lora.Models;

namespace Lora.Tests.Models;

public class RopeParametersTests
{
    [Fact]
    public void The_first_pair_turns_one_radian_a_position_and_the_others_slower()
    {
        float[] frequencies = new RopeParameters(10000).InverseFrequencies(4);
        Assert.Equal([1f, 0.01f], frequencies, Closeness.Single(1e-9f));
    }

    [Fact]
    public void Linear_scaling_slows_all_pairs_by_the_factor()
    {
        float[] frequencies = (new RopeParameters(10000) { Scaling = RopeScaling.Linear, Factor = 4 }).InverseFrequencies(4);
        Assert.Equal([0.25f, 0.0025f], frequencies, Closeness.Single(1e-9f));
    }

    [Fact]
    public void Llama3_scaling_keeps_short_waves_slows_long_ones_and_blends_between()
    {
        // Values of transformers' ROPE_INIT_FUNCTIONS["llama3"] for theta 500000, head size 8, factor 8, low 1, high 4, 8192 positions.
        RopeParameters rope = new(500000) { Scaling = RopeScaling.Llama3, Factor = 8, LowFrequencyFactor = 1, HighFrequencyFactor = 4, OriginalPositions = 8192 };
        float[] frequencies = rope.InverseFrequencies(8);
        Assert.Equal(1f, frequencies[0], 6);
        Assert.Equal(0.03760603f, frequencies[1], 6);
        Assert.Equal(1 / Math.Pow(500000, 0.75) / 8, frequencies[3], 9);
        Assert.InRange(frequencies[2], Math.Pow(500000, -0.5) / 8, Math.Pow(500000, -0.5));
    }
}
