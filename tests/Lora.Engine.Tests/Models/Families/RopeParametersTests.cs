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

    [Fact]
    public void Longrope_with_one_factor_for_all_is_linear_scaling()
    {
        RopeParameters longRope = new(10000) { Scaling = RopeScaling.LongRope, OriginalPositions = 16, ShortFactors = [2, 2], LongFactors = [8, 8] };

        Assert.Equal((new RopeParameters(10000) { Scaling = RopeScaling.Linear, Factor = 2 }).InverseFrequencies(4), longRope.InverseFrequencies(4));
        Assert.Equal((new RopeParameters(10000) { Scaling = RopeScaling.Linear, Factor = 8 }).InverseFrequencies(4), longRope.InverseFrequencies(4, isLong: true));
        Assert.Equal((false, true), (longRope.IsLong(16), longRope.IsLong(17)));
    }

    [Fact]
    public void A_part_of_a_head_is_rounded_down_to_whole_values() =>
        Assert.Equal((96, 128), (new RopeParameters(10000) { RotatedPart = 0.75 }.RotatedValues(128), new RopeParameters(10000).RotatedValues(128)));
}
