using System.Diagnostics;
using System.Security.Cryptography;
using System.Xml.Linq;

namespace Lora.Tests;

/// <summary>What goes into the module's bin/deps: the build's own target, run on packages that are made up.</summary>
public sealed class LayOutModuleTests : IDisposable
{
    private static readonly string[] Windows = ["c10.dll", "torch_cpu.dll", "LibTorchSharp.dll"];
    private static readonly string[] WindowsCuda = ["c10_cuda.dll", "torch_cuda.dll", "cudart64_12.dll", "cublas64_12.dll", "cublasLt64_12.dll", "cudnn64_9.dll"];

    private readonly TemporaryFolder folder = new();

    public LayOutModuleTests() => Directory.CreateDirectory(folder.File("obj"));

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task What_an_earlier_build_for_another_backend_left_goes()
    {
        string[] cuda = [.. Windows, .. WindowsCuda];
        Assert.Equal("", await LayOut("win-x64", "cuda", cuda));
        Assert.Equal(cuda.Order(StringComparer.Ordinal), LaidOut());

        Assert.Equal("", await LayOut("win-x64", "cpu", Windows));
        Assert.Equal(Windows.Order(StringComparer.Ordinal), LaidOut());
    }

    [Fact]
    public async Task A_library_that_the_backend_needs_and_no_package_has_is_named()
    {
        string error = await LayOut("win-x64", "cuda", [.. Windows, .. WindowsCuda.Except(["cublas64_12.dll", "cudnn64_9.dll"])]);
        Assert.Contains("'win-x64' and 'cuda' lack cublas64_12.dll, cudnn64_9.dll.", error, StringComparison.Ordinal);

        string[] linux = ["libc10.so", "libtorch_cpu.so", "libLibTorchSharp.so", "libc10_cuda.so", "libtorch_cuda.so", "libcudart-c3a75b33.so.12", "libcublas-031ce6c2.so.12", "libcudnn.so.9"];
        Assert.Contains("lack libcublasLt.so.12.", await LayOut("linux-x64", "cuda", linux), StringComparison.Ordinal);
        Assert.Equal("", await LayOut("linux-x64", "cuda", [.. linux, "libcublasLt-10b5e663.so.12"], target: "ListDependencies;RequireLibraries"));
    }

    [Fact]
    public async Task A_library_that_was_put_together_of_parts_is_held_against_its_hash_which_stays_behind()
    {
        Package("torch_cuda.dll");
        string hash = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Native("torch_cuda.dll"))));
        File.WriteAllText(Native("torch_cuda.dll.sha"), hash);
        string[] files = [.. Windows, .. WindowsCuda, "torch_cuda.dll.sha"];

        Assert.Equal("", await LayOut("win-x64", "cuda", files));
        Assert.DoesNotContain("torch_cuda.dll.sha", LaidOut());

        File.WriteAllText(Native("torch_cuda.dll"), "a third of it");
        string error = await LayOut("win-x64", "cuda", files);
        Assert.Contains($"{Native("torch_cuda.dll")}' was not put together rightly", error, StringComparison.Ordinal);
        Assert.Contains(hash, error, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Python_s_bindings_and_self_tests_are_left_out()
    {
        Assert.Equal("", await LayOut("win-x64", "cpu", [.. Windows, "torch_python.dll", "shm.dll", "torchbind_test.dll"]));
        Assert.Equal(Windows.Order(StringComparer.Ordinal), LaidOut());
    }

    private string Native(string file) => folder.File(Path.Combine("package", "runtimes", "any", "native", file));

    private string[] LaidOut() => [.. Directory.GetFiles(folder.File("deps")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    private void Package(string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Native(file))!);
        if (!File.Exists(Native(file)))
        {
            File.WriteAllText(Native(file), file);
        }
    }

    /// <summary>Runs the target on files of these names; the errors that the build wrote.</summary>
    private async Task<string> LayOut(string runtime, string backend, string[] files, string target = "LayOutDependencies")
    {
        Array.ForEach(files, Package);
        XElement assets = new("ItemGroup", files.Select(file => new XElement(
            "RuntimeTargetsCopyLocalItems", new XAttribute("Include", Native(file)), new XAttribute("AssetType", "native"), new XAttribute("RuntimeIdentifier", runtime))));
        new XElement(
            "Project",
            new XElement("Target", new XAttribute("Name", "ResolvePackageAssets"), assets),
            new XElement("Import", new XAttribute("Project", Path.Combine(Repository.Root, "src", "Lora.Engine", "LayOutModule.targets")))).Save(folder.File("made-up.proj"));

        string[] arguments =
        [
            "msbuild", folder.File("made-up.proj"), $"-t:{target}", "-nologo", "-v:q", "-nodeReuse:false", $"-p:LoraRuntime={runtime}", $"-p:TorchBackend={backend}",
            $"-p:ModuleDependencies={folder.File("deps")}/", $"-p:IntermediateOutputPath={folder.File("obj")}/",
        ];
        using Process process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true })!;
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return output.Trim();
    }
}
