using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

public class RotaryEmbeddingTests
{
    private static readonly RopeParameters LongRope = new(100)
    {
        Scaling = RopeScaling.LongRope,
        OriginalPositions = 4,
        ShortFactors = [1, 2],
        LongFactors = [4, 5],
        AttentionFactor = 1.5,
    };

    [Theory]
    [InlineData(4, 1, 0.05)]
    [InlineData(5, 0.25, 0.02)]
    public void A_sequence_longer_than_the_original_one_has_the_long_factors_from_its_first_token(int tokens, double first, double second)
    {
        using DisposeScope scope = NewDisposeScope();
        using RotaryEmbedding rotation = new(LongRope, 4);
        rotation.Tables(8, CPU, ScalarType.Float32); // what was asked for before makes no difference

        (Tensor cosine, Tensor sine) = rotation.Tables(tokens, CPU, ScalarType.Float32);

        // Position 3; every angle is there in both halves.
        double[] angles = [3 * first, 3 * second, 3 * first, 3 * second];
        Assert.Equal(new long[] { tokens, 4 }, cosine.shape);
        Assert.Equal(angles.Select(angle => (float)(1.5 * Math.Cos(angle))), cosine[3].data<float>().ToArray(), Closeness.Single(1e-6f));
        Assert.Equal(angles.Select(angle => (float)(1.5 * Math.Sin(angle))), sine[3].data<float>().ToArray(), Closeness.Single(1e-6f));
    }

    [Fact]
    public void A_dynamic_rotation_hangs_on_the_length_of_each_sequence_alone()
    {
        using DisposeScope scope = NewDisposeScope();
        RopeParameters parameters = new(100) { Scaling = RopeScaling.Dynamic, Factor = 2, OriginalPositions = 4 };
        using RotaryEmbedding rotation = new(parameters, 8);
        Tensor Angles(int tokens) => rotation.Tables(tokens, CPU, ScalarType.Float32).Cosine[3].clone();

        Tensor six = Angles(6), nine = Angles(9), again = Angles(6), four = Angles(4);

        float[] expected = [.. parameters.InverseFrequencies(8, tokens: 6).Select(speed => (float)Math.Cos(3 * speed))];
        Assert.Equal([.. expected, .. expected], six.data<float>().ToArray(), Closeness.Single(1e-6f));
        Assert.Equal(0, Closeness.Largest(again, six));
        Assert.True(Closeness.Largest(nine, six) > 1e-3);
        Assert.True(Closeness.Largest(four, six) > 1e-3);
    }

    [Fact]
    public void A_part_of_a_head_is_rotated_like_a_smaller_head_and_the_rest_left()
    {
        using DisposeScope scope = NewDisposeScope();
        using RotaryEmbedding partial = new(new(10000) { RotatedPart = 0.75 }, 8);
        using RotaryEmbedding whole = new(new(10000), 6);
        Tensor heads = randn([1, 2, 5, 8], device: CPU);

        Tensor turned = RotaryEmbedding.Rotate(heads, partial.Tables(5, CPU, ScalarType.Float32));

        Tensor expected = RotaryEmbedding.Rotate(heads.narrow(-1, 0, 6), whole.Tables(5, CPU, ScalarType.Float32));
        Assert.Equal(0, Closeness.Largest(turned.narrow(-1, 0, 6), expected));
        Assert.Equal(0, Closeness.Largest(turned.narrow(-1, 6, 2), heads.narrow(-1, 6, 2)));
    }
}
