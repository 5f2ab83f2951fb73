using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Native;

public class DispatcherTests
{
    [Fact]
    public void An_operator_gives_what_TorchSharp_s_own_call_gives()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = randn([3, 8], device: CPU);
        Tensor weight = randn([8], device: CPU);

        Tensor actual = Dispatcher.Call("aten::layer_norm", "", x, OperatorArgument.List(8L), OperatorArgument.Some(weight), OperatorArgument.None, 1e-5, false);

        Assert.Equal(0, Closeness.Largest(actual, nn.functional.layer_norm(x, [8], weight)));
    }

    [Fact]
    public void A_call_leaves_no_tensor_behind()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = randn([4, 4], device: CPU);
        long before = scope.DisposablesCount;
        using (Tensor sum = Dispatcher.Call("aten::mm", "", x, x))
        {
            Assert.Equal(before + 1, scope.DisposablesCount);
        }

        Assert.Equal(before, scope.DisposablesCount);
    }

    [Fact]
    public void Libtorch_has_oneDNN_s_product_on_the_platforms_that_are_tested() => Assert.True(TorchShim.HasLinearPointwise);

    [Fact]
    public void A_refused_call_is_an_exception()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = randn([4, 4], device: CPU);

        OperatorFailedException unknown = Assert.Throws<OperatorFailedException>(() => Dispatcher.Call("aten::no_such_operator", "", x));
        Assert.Contains("aten::no_such_operator", unknown.Message, StringComparison.Ordinal);
        Assert.Throws<OperatorFailedException>(() => Dispatcher.Call("aten::mm", "", x, randn([3, 3], device: CPU)));
    }

    [Fact]
    public void Freed_memory_is_kept_and_given_back()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only glibc's allocator is tuned.");
        using DisposeScope scope = NewDisposeScope();
        using (AllocatorTuning.KeepFreedMemory())
        {
            ones([64, 1 << 20], device: CPU).Dispose();
        }

        Assert.Equal(1, ones([1 << 20], device: CPU).mean().ToDouble());
    }
}
