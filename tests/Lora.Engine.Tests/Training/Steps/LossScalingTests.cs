using Lora.Native;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

public class LossScalingTests
{
    [Fact]
    public void It_follows_the_operator_behind_torch_s_GradScaler()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor factor = tensor(new[] { 65536f }, device: CPU);
        Tensor tracker = zeros([1], dtype: ScalarType.Int32, device: CPU);
        LossScaling scaling = new();
        Random random = new(11);
        for (int step = 0; step < 12000; step++)
        {
            bool isOverflow = random.Next(1500) == 0;
            using (Tensor found = tensor(new[] { isOverflow ? 1f : 0f }, device: CPU))
            using (Tensor updated = Dispatcher.Call("aten::_amp_update_scale_", "", factor, tracker, found, 2.0, 0.5, 2000L))
            {
                Note(scaling, isOverflow);
            }

            Assert.Equal((factor.ToSingle(), tracker.ToInt32()), (scaling.Scale.Factor, scaling.Scale.GoodSteps));
        }
    }

    [Fact]
    public void The_factor_starts_at_65536_doubles_after_2000_good_steps_in_a_row_and_halves_with_a_bad_one()
    {
        LossScaling scaling = new();
        Assert.Equal(new LossScale(65536, 0), scaling.Scale);
        Repeat(1999, () => scaling.OnDone());
        Assert.Equal(new LossScale(65536, 1999), scaling.Scale);
        scaling.OnDone();
        Assert.Equal(new LossScale(131072, 0), scaling.Scale);
        Repeat(1999, () => scaling.OnDone());
        Assert.True(scaling.OnOverflow());
        Assert.Equal(new LossScale(65536, 0), scaling.Scale);
    }

    [Fact]
    public void It_neither_grows_out_of_float32_nor_shrinks_below_1()
    {
        LossScaling scaling = new();
        float largest = MathF.Pow(2, 127);
        scaling.Restore(new(largest, 1999));
        scaling.OnDone();
        Assert.Equal(new LossScale(largest, 0), scaling.Scale);

        scaling.Restore(new(2, 7));
        Assert.True(scaling.OnOverflow());
        Assert.Equal(new LossScale(1, 0), scaling.Scale);
        Assert.False(scaling.OnOverflow());
        Assert.Equal(new LossScale(1, 0), scaling.Scale);
    }

    [Theory]
    [InlineData(ScalarType.Float16, true)]
    [InlineData(ScalarType.BFloat16, false)]
    [InlineData(ScalarType.Float32, false)]
    public void Only_float16_needs_it(ScalarType type, bool expected) => Assert.Equal(expected, LossScaling.For(type) is not null);

    private static void Note(LossScaling scaling, bool isOverflow)
    {
        if (isOverflow)
        {
            Assert.True(scaling.OnOverflow());
        }
        else
        {
            scaling.OnDone();
        }
    }

    private static void Repeat(int count, Action action)
    {
        for (int index = 0; index < count; index++)
        {
            action();
        }
    }
}
