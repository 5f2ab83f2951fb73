using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

public class GradientNormTests
{
    [Fact]
    public void A_norm_over_the_limit_is_scaled_down_to_it()
    {
        using Tensor gradients = tensor(new float[] { 3, 4 });
        Assert.Equal(5, GradientNorm.Clip(gradients, 1).ToDouble(), 6);
        Assert.Equal([0.6f, 0.8f], gradients.data<float>().ToArray(), Closeness.Single(1e-6f));
    }

    [Theory]
    [InlineData(10)]
    [InlineData(0)]
    public void A_norm_under_the_limit_or_without_one_is_left_alone(double limit)
    {
        using Tensor gradients = tensor(new float[] { 3, 4 });
        Assert.Equal(5, GradientNorm.Clip(gradients, limit).ToDouble(), 6);
        Assert.Equal([3f, 4f], gradients.data<float>().ToArray());
    }
}
