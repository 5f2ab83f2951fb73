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
        Assert.Equal((new RopeParameters(10000) { Scaling = RopeScaling.Linear, Factor = 8 }).InverseFrequencies(4), longRope.InverseFrequencies(4, tokens: 17));
        Assert.Equal((0, 1, 1), (longRope.Stretch(16), longRope.Stretch(17), longRope.Stretch(18)));
    }

    [Fact]
    public void Dynamic_scaling_raises_the_base_with_the_sequence_beyond_the_original_length()
    {
        RopeParameters rope = new(10000) { Scaling = RopeScaling.Dynamic, Factor = 4, OriginalPositions = 16 };

        // theta (4 * 64 / 16 - 3)^(8 / 6), to the powers -2k / 8; worked out apart in Python.
        Assert.Equal([1f, 0.042529037f, 0.00180871899f, 7.69230769e-05f], rope.InverseFrequencies(8, tokens: 64), Closeness.Single(1e-8f));
        Assert.Equal(new RopeParameters(10000).InverseFrequencies(8), rope.InverseFrequencies(8, tokens: 16));
        Assert.Equal((0, 17, 64), (rope.Stretch(16), rope.Stretch(17), rope.Stretch(64)));
    }

    [Theory]
    [InlineData(true, 0.0247052942f, 0.005625f, 0.00108703295f)]
    [InlineData(false, 0.0281120808f, 0.00598313344f, 0.000972857759f)]
    public void Yarn_keeps_what_turns_often_divides_what_turns_seldom_and_has_a_line_between(bool truncates, float third, float fourth, float fifth)
    {
        RopeParameters rope = new(10000) { Scaling = RopeScaling.Yarn, Factor = 8, OriginalPositions = 4096, TruncatesRamp = truncates };

        // The ramp of arXiv 2309.00071 as transformers has it, worked out apart in Python.
        Assert.Equal([1f, 0.316227766f, 0.1f, third, fourth, fifth, 0.000125f, 3.95284708e-05f], rope.InverseFrequencies(16), Closeness.Single(1e-8f));
    }

    [Fact]
    public void Yarn_makes_scores_larger_by_the_stretching_and_not_where_nothing_is_stretched()
    {
        Assert.Equal(1.2079441541679836, RopeFrequencies.YarnFactor(8, null, null), 12);
        Assert.Equal(1.0389905150739585, RopeFrequencies.YarnFactor(8, 0.707, 0.5), 12);
        Assert.Equal(1.2079441541679836, RopeFrequencies.YarnFactor(8, 0.707, 0), 12);
        Assert.Equal(1, RopeFrequencies.YarnFactor(1, null, null));
    }

    [Fact]
    public void A_part_of_a_head_is_rounded_down_to_whole_values() =>
        Assert.Equal((96, 128), (new RopeParameters(10000) { RotatedPart = 0.75 }.RotatedValues(128), new RopeParameters(10000).RotatedValues(128)));
}
