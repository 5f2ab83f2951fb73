using Lora.Native;

namespace Lora.Tests.Native;

public class NativePlatformTests
{
    [Fact]
    public void A_library_is_spelt_as_the_platform_s_loader_expects()
    {
        string expected = OperatingSystem.IsWindows() ? "torch_cpu.dll" : OperatingSystem.IsMacOS() ? "libtorch_cpu.dylib" : "libtorch_cpu.so";

        Assert.Equal(expected, NativePlatform.FileName("torch_cpu"));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void A_name_with_or_without_prefix_and_suffix_leads_to_the_same_file(bool prefix, bool suffix)
    {
        string file = NativePlatform.FileName("LibTorchSharp");
        string start = prefix ? file[..file.IndexOf("LibTorchSharp", StringComparison.Ordinal)] : "";
        string end = suffix ? Path.GetExtension(file) : "";

        Assert.Contains(file, NativePlatform.FileNames(start + "LibTorchSharp" + end));
    }
}
