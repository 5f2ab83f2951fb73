using Lora.Native;

namespace Lora.Tests.Native;

[Collection(nameof(FakeNvidiaLibrary))] // its count of openings is one for all
public class NvidiaManagementTests
{
    [Fact]
    public void The_libraries_of_Windows_are_never_looked_for_in_the_working_directory()
    {
        const string system = "C:/Windows/System32";
        Assert.Equal((Path.Combine(system, "nvml.dll"), Path.Combine(system, "nvcuda.dll")), NvidiaManagement.Libraries(system));
        Assert.DoesNotContain('/', $"{NvidiaManagement.Libraries("")}");
    }

    [Fact]
    public void Without_the_driver_s_library_nothing_is_known_of_a_device()
    {
        bool isThere = TorchSharp.torch.cuda.is_available();
        Assert.Equal((isThere, isThere), (NvidiaManagement.Memory(0) is not null, NvidiaManagement.ComputeCapability(0) is not null));
    }

    /// <summary>CUDA's numbers and the management library's are in different orders here, as with unequal cards.</summary>
    [Fact]
    public void Memory_is_read_of_the_device_that_lies_where_CUDA_says()
    {
        Assert.Equal((1_000_000_000L, 7_000_000_000L), NvidiaManagement.Memory(1, FakeNvidiaLibrary.Export));
        Assert.Equal(0, FakeNvidiaLibrary.Open);
    }

    [Fact]
    public void Without_the_management_library_the_driver_is_asked()
    {
        Assert.Equal((2_000_000_000L, 6_000_000_000L), NvidiaManagement.Memory(1, name => name.StartsWith("nvml", StringComparison.Ordinal) ? 0 : FakeNvidiaLibrary.Export(name)));
        Assert.Equal(0, FakeNvidiaLibrary.Open);
    }

    [Fact]
    public void A_device_that_does_not_answer_is_not_known()
    {
        Assert.Null(NvidiaManagement.Memory(0, FakeNvidiaLibrary.Export));
        Assert.Null(NvidiaManagement.Memory(1, export: null));
        Assert.Equal(0, FakeNvidiaLibrary.Open);
    }
}
