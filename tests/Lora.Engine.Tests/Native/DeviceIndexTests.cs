using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Native;

public class DeviceIndexTests
{
    private static readonly long[] Values = [3, 1, 4, 1, 5, long.MaxValue];

    [Fact]
    public void On_a_CPU_the_numbers_are_laid_out_as_they_are()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor flat = DeviceIndex.Of(Values, CPU);
        Tensor rows = DeviceIndex.Of(Values, [2, 3], CPU);

        Assert.Equal((ScalarType.Int64, DeviceType.CPU), (flat.dtype, flat.device_type));
        Assert.Equal(Values, flat.data<long>().ToArray());
        Assert.Equal([2, 3], rows.shape);
        Assert.Equal(2, scope.DisposablesCount); // nothing in between
    }

    [Fact]
    public void A_queued_copy_is_made_of_the_pinned_one_and_leaves_neither_behind()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor? pinned = null;
        Tensor copy = DeviceIndex.Queue(tensor(Values, [3, 2], device: CPU), CPU, host => pinned = host.clone());

        Assert.Equal([3, 2], copy.shape);
        Assert.Equal(Values, copy.data<long>().ToArray());
        Assert.True(pinned!.IsInvalid);
        Assert.Equal(1, scope.DisposablesCount);
    }

    [Theory]
    [InlineData(3, 4)]
    [InlineData(0, 1)]
    public void Numbers_of_several_dtypes_go_by_one_copy_and_come_as_they_were(int whole, int small)
    {
        using DisposeScope scope = NewDisposeScope();
        int[] numbers = [.. Enumerable.Range(-1, small)];
        float[] fractions = [0.5f, float.NegativeInfinity, 1e-40f];

        Tensor[] found = DeviceIndex.Of([numbers, Values, Values[..whole], fractions], CPU);

        Assert.Equal([ScalarType.Int32, ScalarType.Int64, ScalarType.Int64, ScalarType.Float32], found.Select(part => part.dtype));
        Assert.Equal(numbers, found[0].data<int>().ToArray());
        Assert.Equal(Values, found[1].data<long>().ToArray());
        Assert.Equal(Values[..whole], found[2].data<long>().ToArray());
        Assert.Equal(fractions, found[3].data<float>().ToArray());
        Assert.Equal(4, scope.DisposablesCount); // nothing else is left
    }

    [Fact]
    public void On_a_GPU_the_numbers_arrive()
    {
        Assert.SkipUnless(cuda.is_available(), "This machine has no GPU.");
        using Tensor there = DeviceIndex.Of(Values, [2, 3], CUDA);
        using Tensor back = there.to(CPU);

        Assert.Equal(DeviceType.CUDA, there.device_type);
        Assert.Equal(Values, back.data<long>().ToArray());
    }
}
