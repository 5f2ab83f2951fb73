using Lora.Native;

[assembly: AssemblyFixture(typeof(Lora.Tests.LibTorch))]

namespace Lora.Tests;

/// <summary>Loads libtorch before any test calls TorchSharp.</summary>
public sealed class LibTorch
{
    public LibTorch() => TorchLibrary.Load();
}
