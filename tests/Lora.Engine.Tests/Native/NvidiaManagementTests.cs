using Lora.Native;

namespace Lora.Tests.Native;

public class NvidiaManagementTests
{
    [Fact]
    public void Without_the_driver_s_library_nothing_is_known_of_a_device() =>
        Assert.Equal(TorchSharp.torch.cuda.is_available(), NvidiaManagement.Memory(0) is not null);

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
