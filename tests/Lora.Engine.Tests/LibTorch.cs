using Lora.Native;

[assembly: AssemblyFixture(typeof(Lora.Tests.LibTorch))]

namespace Lora.Tests;

/// <summary>Loads libtorch out of the module that the build laid out, before any test calls TorchSharp.</summary>
public sealed class LibTorch
{
    public LibTorch()
    {
        if (Environment.GetEnvironmentVariable(NativeFolder.Variable) is null)
        {
            Environment.SetEnvironmentVariable(NativeFolder.Variable, Path.Combine(Repository.Root, "bin", "deps"));
        }

        TorchLibrary.Load();
    }
}
