using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Native;

/// <summary>libtorch's own setting for numbers that are the same each time.</summary>
public class RepeatableAlgorithmsTests
{
    public RepeatableAlgorithmsTests() => Assert.SkipUnless(RepeatableAlgorithms.CanBegin, "This libtorch cannot be asked.");

    [Fact]
    public void They_are_asked_for_until_the_end_and_within_another_time_nothing_changes()
    {
        Assert.False(RepeatableAlgorithms.IsOn);
        using (RepeatableAlgorithms.Begin())
        {
            Assert.True(RepeatableAlgorithms.IsOn);
            using (RepeatableAlgorithms.Begin())
            {
                Assert.True(RepeatableAlgorithms.IsOn);
            }

            Assert.True(RepeatableAlgorithms.IsOn);
        }

        Assert.False(RepeatableAlgorithms.IsOn);
    }

    [Fact]
    public void Libtorch_takes_the_setting_and_fills_no_tensor_for_it()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = zeros([4], device: CPU);
        Tensor index = tensor(new long[] { 1, 1 }, device: CPU);
        Tensor pair = ones([2], device: CPU);
        Dispatcher.Call("aten::put_", "", values, index, pair, false).Dispose();

        using (RepeatableAlgorithms.Begin())
        {
            // Which of two values stays is not said, so that libtorch refuses it.
            Assert.Throws<OperatorFailedException>(() => Dispatcher.Call("aten::put_", "", values, index, pair, false));
        }

        Dispatcher.Call("aten::put_", "", values, index, pair, false).Dispose();
    }
}
