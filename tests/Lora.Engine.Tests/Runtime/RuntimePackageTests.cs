using System.Text.RegularExpressions;
using System.Xml.Linq;
using Lora.Native;
using Lora.Runtime;

namespace Lora.Tests.Runtime;

/// <summary>What is pinned is what the build uses.</summary>
public sealed class RuntimePackageTests
{
    public static TheoryData<LoraBackend, string> Runtimes { get; } = new()
    {
        { LoraBackend.Cpu, "linux-x64" },
        { LoraBackend.Cpu, "win-x64" },
        { LoraBackend.Cpu, "osx-arm64" },
        { LoraBackend.Cuda, "linux-x64" },
        { LoraBackend.Cuda, "win-x64" },
    };

    [Theory]
    [MemberData(nameof(Runtimes))]
    public void Versions_are_those_of_the_build(LoraBackend backend, string platform)
    {
        Dictionary<string, string> built = XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props")).Descendants("PackageVersion")
            .ToDictionary(package => (string)package.Attribute("Include")!, package => (string)package.Attribute("Version")!);
        Assert.All(RuntimePackage.Of(backend, platform), package =>
        {
            // CUDA's come with packages of TorchSharp's version that name libtorch's.
            string expected = backend == LoraBackend.Cuda && package.Id.StartsWith("libtorch", StringComparison.Ordinal) ? built["libtorch-cpu-" + platform] : built[package.Id];
            Assert.Equal(expected, package.Version);
        });
    }

    [Theory]
    [MemberData(nameof(Runtimes))]
    public void Hashes_are_those_that_NuGet_wrote_beside_the_packages_of_the_build(LoraBackend backend, string platform)
    {
        RuntimePackage[] known = [.. RuntimePackage.Of(backend, platform).Where(package => File.Exists(HashFile(package)))];

        Assert.All(known, package => Assert.Equal(File.ReadAllText(HashFile(package)).Trim(), package.Hash));
        if (backend == LoraBackend.Cpu && platform == NativePlatform.Identifier)
        {
            Assert.Equal(2, known.Length);
        }
    }

    [Fact]
    public void Out_of_the_packages_the_files_are_taken_that_the_build_lays_out()
    {
        IReadOnlyList<RuntimePackage> packages = RuntimePackage.Of(LoraBackend.Cpu, NativePlatform.Identifier);
        using RuntimeFiles files = new(packages.Select(package => HashFile(package)[..^".sha512".Length]), NativePlatform.Identifier);
        IEnumerable<string> laidOut = Directory.GetFiles(Path.Combine(Repository.Root, "bin", "deps"))
            .Select(file => Path.GetFileName(file)).Where(name => !name.EndsWith(".dll", StringComparison.Ordinal) || OperatingSystem.IsWindows());

        Assert.Equal([], files.Names.Except(laidOut));
        Assert.Equal([], OperatingSystem.IsWindows() ? [] : laidOut.Except(files.Names));

        // The bridge of Linux is the largest, and the terms are beside what was counted.
        Assert.InRange(files.Size, packages.Sum(package => package.Unpacked!.Value) - 1_100_000, packages.Sum(package => package.Unpacked!.Value) + 100_000);
    }

    [Fact]
    public void What_is_not_needed_is_what_the_build_leaves_out()
    {
        string targets = File.ReadAllText(Path.Combine(Repository.Root, "src", "Lora.Engine", "LayOutModule.targets"));
        string source = File.ReadAllText(Path.Combine(Repository.Root, "src", "Lora.Engine", "Runtime", "RuntimeFiles.cs"));

        Assert.Contains(Regex.Match(source, @"\(libtorch_python[^""]+\)").Value, targets, StringComparison.Ordinal);
    }

    private static string HashFile(RuntimePackage package) =>
        Path.Combine(NuGetFolder.Path, package.Id.ToLowerInvariant(), package.Version, $"{package.Id.ToLowerInvariant()}.{package.Version}.nupkg.sha512");
}
