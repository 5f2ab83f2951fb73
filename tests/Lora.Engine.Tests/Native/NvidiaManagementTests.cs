using Lora.Native;

namespace Lora.Tests.Native;

public class NvidiaManagementTests
{
    [Fact]
    public void The_library_of_Windows_is_never_looked_for_in_the_working_directory()
    {
        Assert.Equal(Path.Combine("C:/Windows/System32", "nvml.dll"), NvidiaManagement.Library("C:/Windows/System32"));
        Assert.DoesNotContain('/', NvidiaManagement.Library(""));
    }

    [Fact]
    public void Without_the_driver_s_library_nothing_is_known_of_a_device()
    {
        bool isThere = TorchSharp.torch.cuda.is_available();
        Assert.Equal((isThere, isThere), (NvidiaManagement.Memory(0) is not null, NvidiaManagement.ComputeCapability(0) is not null));
    }

    [Fact]
    public void Memory_and_generation_are_read_as_nvml_h_lays_them_out()
    {
        Assert.Equal((1_000_000_000L, 7_000_000_000L), NvidiaManagement.Memory(1, FakeNvidiaLibrary.Export));
        Assert.Equal((8, 6), NvidiaManagement.ComputeCapability(1, FakeNvidiaLibrary.Export));
        Assert.Equal(0, FakeNvidiaLibrary.Open);
    }

    [Fact]
    public void A_device_that_does_not_answer_is_not_known()
    {
        Assert.Null(NvidiaManagement.Memory(0, FakeNvidiaLibrary.Export));
        Assert.Null(NvidiaManagement.ComputeCapability(0, FakeNvidiaLibrary.Export));
        Assert.Null(NvidiaManagement.ComputeCapability(1, export: null));
        Assert.Equal(0, FakeNvidiaLibrary.Open);
    }

    [Theory]
    [InlineData(0, null, 0)]
    [InlineData(1, "", 1)]
    [InlineData(0, "2", 2)]
    [InlineData(1, "3, 1", 1)]
    [InlineData(2, "3,1", 2)]
    [InlineData(0, "GPU-4f3b", 0)]
    public void A_device_is_found_behind_the_visible_ones(int index, string? visible, int expected) =>
        Assert.Equal(expected, NvidiaManagement.PhysicalIndex(index, visible));
}
