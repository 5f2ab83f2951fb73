using Lora.Native;

namespace Lora.Tests.Native;

[Collection(nameof(FakeNvidiaLibrary))] // its counts are one for all
public class NvidiaDriverTests
{
    [Fact]
    public void The_generation_is_that_of_the_device_with_CUDA_s_number()
    {
        Assert.Equal((8, 6), NvidiaDriver.ComputeCapability(1, FakeNvidiaLibrary.Export));
        Assert.Null(NvidiaDriver.ComputeCapability(0, FakeNvidiaLibrary.Export)); // does not answer
        Assert.Null(NvidiaDriver.ComputeCapability(2, FakeNvidiaLibrary.Export)); // is not there
        Assert.Null(NvidiaDriver.ComputeCapability(1, export: null));
        Assert.Null(NvidiaDriver.ComputeCapability(1, _ => 0));
    }

    [Fact]
    public void Memory_is_read_in_the_context_that_is_there_which_is_left_as_it_was()
    {
        Assert.Equal((2_000_000_000L, 6_000_000_000L), NvidiaDriver.Memory(1, FakeNvidiaLibrary.Export));
        Assert.Null(NvidiaDriver.Memory(0, FakeNvidiaLibrary.Export));
        Assert.Null(NvidiaDriver.Memory(1, export: null));
        Assert.Equal((0, 0), FakeNvidiaLibrary.Contexts);
    }

    [Fact]
    public void A_device_that_this_process_has_nothing_on_is_not_asked()
    {
        FakeNvidiaLibrary.IsActive = false;
        try
        {
            Assert.Null(NvidiaDriver.Memory(1, FakeNvidiaLibrary.Export)); // to take its context would make one, of hundreds of megabytes
        }
        finally
        {
            FakeNvidiaLibrary.IsActive = true;
        }

        Assert.Equal((0, 0), FakeNvidiaLibrary.Contexts);
    }

    [Theory]
    [InlineData("cuMemGetInfo_v2")]
    [InlineData("cuDevicePrimaryCtxRetain")]
    public void A_driver_that_lacks_a_function_says_nothing(string missing)
    {
        Assert.Null(NvidiaDriver.Memory(1, name => name == missing ? 0 : FakeNvidiaLibrary.Export(name)));
        Assert.Equal((0, 0), FakeNvidiaLibrary.Contexts);
    }
}
