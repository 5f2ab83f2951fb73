using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

public class StepFiguresTests
{
    [Theory]
    [InlineData(0, 2.5, 0, 0.5)]
    [InlineData(0, 1, 0, 1)]
    [InlineData(0, 1e300, 3, 0)]
    [InlineData(0, 1e-300, 1e300, 1e-300)]
    [InlineData(1, double.PositiveInfinity, 1, 1)]
    [InlineData(1, 1, double.PositiveInfinity, 1)]
    [InlineData(1, 1, 1, double.PositiveInfinity)]
    [InlineData(1, double.PositiveInfinity, double.PositiveInfinity, double.PositiveInfinity)]
    [InlineData(1, double.PositiveInfinity, double.NegativeInfinity, 1)]
    [InlineData(1, double.NaN, 1, 1)]
    [InlineData(1, 1, 1, double.NaN)]
    public void An_update_is_left_out_where_a_loss_or_the_norm_is_not_finite(float expected, double first, double second, double norm)
    {
        using DisposeScope scope = NewDisposeScope();
        StepFigures figures = new([Number(first), Number(second)], Number(norm));

        Assert.Equal(ScalarType.Float32, figures.Skip.dtype);
        Assert.Equal([expected], figures.Skip.data<float>().ToArray());
        (double[] losses, double found, bool? isUnmoved) = figures.Read();
        Assert.Equal([first, second, norm], [.. losses, found]);
        Assert.Null(isUnmoved);
    }

    [Theory]
    [InlineData(0, 1, 1)]
    [InlineData(1, 1, double.PositiveInfinity)]
    [InlineData(1, double.NaN, 1)]
    public void One_batch_has_a_loss_and_a_norm_as_well(float expected, double loss, double norm)
    {
        using DisposeScope scope = NewDisposeScope();

        Assert.Equal([expected], new StepFigures([Number(loss)], Number(norm)).Skip.data<float>().ToArray());
    }

    private static Tensor Number(double value) => tensor(value, dtype: ScalarType.Float64, device: CPU);
}
