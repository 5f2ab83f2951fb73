using Lora.Native;

[assembly: AssemblyFixture(typeof(Lora.Tests.LibTorch))]

namespace Lora.Tests;

/// <summary>What has to be so before the first test: libtorch is loaded, and processes that tests start count no branches, as tests/Directory.Build.props has it.</summary>
public sealed class LibTorch
{
    public LibTorch()
    {
        TorchLibrary.Load();
        Environment.SetEnvironmentVariable("DOTNET_TieredPGO", "0");
    }
}
