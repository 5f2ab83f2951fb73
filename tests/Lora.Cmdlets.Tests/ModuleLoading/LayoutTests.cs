using System.Reflection;

namespace Lora.Commands.Tests.ModuleLoading;

public sealed class LayoutTests
{
    [Fact]
    public void The_module_s_own_assemblies_lie_in_bin_alone() => Assert.Equal(
        ["Lora.Engine.dll", "Lora.Engine.pdb", "Lora.dll", "Lora.pdb"],
        Directory.GetFiles(Repository.Bin()).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [Fact]
    public void Of_managed_code_only_what_the_engine_calls_lies_in_deps() => Assert.Equal(
        [
            "CommunityToolkit.HighPerformance.dll", "K4os.Compression.LZ4.dll", "Microsoft.Extensions.FileSystemGlobbing.dll", "Microsoft.IO.RecyclableMemoryStream.dll", "Newtonsoft.Json.dll",
            "NuGet.Common.dll", "NuGet.Configuration.dll", "NuGet.Frameworks.dll", "NuGet.Packaging.dll", "NuGet.Protocol.dll", "NuGet.Versioning.dll", "Parquet.dll",
            "Snappier.dll", "Sylvan.Data.Csv.dll", "System.Security.Cryptography.Pkcs.dll", "System.Security.Cryptography.ProtectedData.dll", "TorchSharp.dll", "ZstdSharp.dll",
        ],
        Directory.GetFiles(Repository.Bin("deps"), "*.dll").Where(IsManaged).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [Fact]
    public void Nothing_of_PowerShell_and_nothing_that_is_never_loaded_is_shipped() => Assert.All(
        Directory.GetFiles(Repository.Bin("deps")).Select(file => Path.GetFileName(file)!),
        file => Assert.DoesNotMatch(@"(?i)System\.Management|PowerShell|\.pdb$|\.xml$|python|_test|shm", file));

    [Fact]
    public void The_engine_knows_no_PowerShell() => Assert.DoesNotContain(
        "System.Management.Automation",
        Assembly.LoadFrom(Repository.Bin("Lora.Engine.dll")).GetReferencedAssemblies().Select(name => name.Name));

    [Fact]
    public void The_cmdlets_know_no_TorchSharp() => Assert.DoesNotContain(
        "TorchSharp",
        typeof(LoraCmdlet).Assembly.GetReferencedAssemblies().Select(name => name.Name));

    private static bool IsManaged(string file)
    {
        try
        {
            _ = AssemblyName.GetAssemblyName(file);
            return true;
        }
        catch (BadImageFormatException)
        {
            return false;
        }
    }
}
