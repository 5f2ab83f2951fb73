using Lora.Native;
using Lora.Runtime;

namespace Lora.Tests.Runtime;

/// <summary>Packages out of a folder, made up: what is installed, what is refused, and what is left then.</summary>
public sealed class RuntimeInstallerTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly StubPackages packages;

    public RuntimeInstallerTests() => packages = new(folder.File("feed"));

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_is_needed_at_run_time_is_installed_and_nothing_else()
    {
        Notes notes = new();
        LoraRuntime runtime = RuntimeInstaller.Install(Cpu(), notes, TestContext.Current.CancellationToken);

        Assert.Equal(Path.Combine(Root, $"{UserRuntime.Version}-cpu-linux-x64"), runtime.Path);
        Assert.Equal(["LICENSE-LIBTORCH.txt", "libLibTorchSharp.so", "libc10.so", "libgomp-98b21ff3.so.1", "libtorch_cpu.so"], Files(runtime.Path));
        Assert.Equal(new string('t', 100_000), File.ReadAllText(Path.Combine(runtime.Path, "libtorch_cpu.so")));
        Assert.Equal(100_000 + 6 + 3 + 4 + 5, runtime.Size);
        Assert.Empty(Left());
        Assert.Empty(notes.Warnings);
        Assert.Contains(notes.Progress, progress => progress is { Stage: "Unpacking", Done: 100_018, Total: 100_018 });
    }

    [Fact]
    public void A_folder_as_NuGet_keeps_its_own_packages_is_a_source_too()
    {
        RuntimeOptions options = Cpu();
        foreach (RuntimePackage package in options.Packages!)
        {
            string place = Directory.CreateDirectory(folder.File($"cache/{package.Id.ToLowerInvariant()}/{package.Version}")).FullName;
            string file = Path.Combine(place, Path.GetFileName(packages.PathOf(package.Id)));
            File.Copy(packages.PathOf(package.Id), file);
            File.WriteAllText(file + ".sha512", package.Hash);
            File.WriteAllText(Path.Combine(place, ".nupkg.metadata"), "{}");
        }

        LoraRuntime runtime = RuntimeInstaller.Install(options with { Source = folder.File("cache") }, new Notes(), TestContext.Current.CancellationToken);
        Assert.Equal(5, Files(runtime.Path).Length);
    }

    [Fact]
    public void One_that_is_there_is_left_alone_unless_it_is_to_be_installed_again()
    {
        RuntimeOptions options = Cpu();
        LoraRuntime runtime = RuntimeInstaller.Install(options, new Notes(), TestContext.Current.CancellationToken);
        string bridge = Path.Combine(runtime.Path, "libLibTorchSharp.so");
        File.WriteAllText(bridge, "changed");
        File.WriteAllText(Path.Combine(runtime.Path, "older.so"), "of an earlier version");

        Assert.Equal(runtime.Path, RuntimeInstaller.Install(options with { Source = "nowhere" }, new Notes(), TestContext.Current.CancellationToken).Path);
        Assert.Equal("changed", File.ReadAllText(bridge));

        RuntimeInstaller.Install(options with { Overwrite = true }, new Notes(), TestContext.Current.CancellationToken);
        Assert.Equal("bridge", File.ReadAllText(bridge));
        Assert.Equal(5, Files(runtime.Path).Length);
        Assert.Empty(Left());
    }

    [Fact]
    public void CUDA_s_parts_are_found_by_their_package_joined_in_their_order_and_held_against_their_hash()
    {
        Notes notes = new();
        LoraRuntime runtime = RuntimeInstaller.Install(Cuda(packages.Cuda()), notes, TestContext.Current.CancellationToken);

        Assert.Equal("one two three", File.ReadAllText(Path.Combine(runtime.Path, "torch_cuda.dll")));
        Assert.Equal(["LICENSE-LIBTORCH.txt", "LibTorchSharp.dll", "c10.dll", "c10_cuda.dll", "torch_cpu.dll", "torch_cuda.dll"], Files(runtime.Path));
        Assert.Equal(5, notes.Warnings.Count); // of nobody's hash, the head and its parts
        Assert.All(notes.Warnings, warning => Assert.Contains("is taken as it came", warning, StringComparison.Ordinal));
    }

    [Fact]
    public void Parts_that_are_not_what_their_hash_says_are_refused_and_nothing_is_left()
    {
        LoraException failure = Refused(Cuda(packages.Cuda(new string('0', 64))), LoraError.RuntimePackageInvalid);

        Assert.Contains("torch_cuda.dll, put together of 3 parts, has the SHA-256", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_another_than_the_module_was_built_with_is_refused_by_both_hashes()
    {
        RuntimeOptions options = Cpu();
        LoraException failure = Refused(options with { Packages = [options.Packages![0], options.Packages[1] with { Hash = "AAAA" }] }, LoraError.RuntimePackageInvalid);

        Assert.Contains("libtorch-cpu-linux-x64 2.10.0", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"its SHA-512 is {packages.HashOf("libtorch-cpu-linux-x64")}, and AAAA is expected", failure.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(packages.PathOf("libtorch-cpu-linux-x64"))); // the user's own
    }

    [Fact]
    public void What_a_folder_says_of_hashes_that_the_module_does_not_know_is_held_against_its_files()
    {
        IReadOnlyList<RuntimePackage> cuda = packages.Cuda();
        File.WriteAllText(packages.PathOf("libtorch-cuda-12.8-win-x64-part1") + ".sha512", "AAAA");

        Assert.Contains("part1", Refused(Cuda(cuda), LoraError.RuntimePackageInvalid).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Packages_without_a_library_that_is_needed_are_refused_by_its_name()
    {
        RuntimeOptions options = Cpu() with { Packages = [packages.Add("libtorch-empty", [], ("runtimes/linux-x64/native/libc10.so", "c10"))] };
        Assert.Contains("lack libtorch_cpu.so, libLibTorchSharp.so", Refused(options, LoraError.RuntimePackageInvalid).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_entry_of_a_package_leads_out_of_the_runtime_s_folder()
    {
        RuntimeOptions options = Cpu();
        RuntimePackage hostile = packages.Add(
            "libtorch-hostile",
            [],
            ("runtimes/linux-x64/native/../../up.so", "x"),
            ("runtimes/linux-x64/native/%2e%2e%2fup.so", "x"),
            ("runtimes/linux-x64/native/..\\up.so", "x"),
            ("runtimes/linux-x64/native/C:up.so", "x"),
            ("runtimes/linux-x64/native/libc10.so:up", "x"),
            ("runtimes/linux-x64/native/..", "x"),
            ("runtimes/linux-x64/native//up.so", "x"),
            ("LICENSE-../up.so", "x"));

        LoraRuntime runtime = RuntimeInstaller.Install(options with { Packages = [.. options.Packages!, hostile] }, new Notes(), TestContext.Current.CancellationToken);
        Assert.Equal(["LICENSE-LIBTORCH.txt", "libLibTorchSharp.so", "libc10.so", "libgomp-98b21ff3.so.1", "libtorch_cpu.so"], Files(runtime.Path));
        Assert.DoesNotContain(Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories), file => file.EndsWith("up.so", StringComparison.Ordinal));
        Assert.Empty(Left());
    }

    [Fact]
    public void A_damaged_package_is_refused_by_name()
    {
        RuntimeOptions options = Cpu();
        byte[] whole = File.ReadAllBytes(packages.PathOf("TorchSharp"));
        File.WriteAllBytes(packages.PathOf("TorchSharp"), whole[..^100]);

        Assert.Contains("TorchSharp 2.10.0", Refused(options, LoraError.RuntimePackageInvalid).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_package_that_a_source_lacks_and_a_source_that_is_not_there_are_told_apart()
    {
        LoraException lacking = Refused(Cpu() with { Packages = [new("libtorch-other", "1.2.3")] }, LoraError.RuntimePackageNotFound);
        Assert.Contains("libtorch-other 1.2.3", lacking.Message, StringComparison.Ordinal);

        Assert.Contains("no folder", Refused(Cpu() with { Source = folder.File("nowhere") }, LoraError.PackageSourceUnreachable).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_platform_without_libraries_is_refused_before_anything()
    {
        LoraException failure = Assert.Throws<LoraException>(() => RuntimeInstaller.Install(new() { Backend = LoraBackend.Cuda, Platform = "osx-arm64", Root = Root }, new Notes()));

        Assert.Equal(LoraError.RuntimeUnavailable, failure.Error);
        Assert.Contains("linux-x64, win-x64", failure.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Root));
    }

    [Fact]
    public void Without_room_nothing_begins()
    {
        LoraException failure = Refused(Cpu() with { Room = _ => 100_000 }, LoraError.DiskRoomInsufficient);

        Assert.Contains("98 KB left", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disk_that_fills_up_leaves_nothing_half()
    {
        using SmallDisk disk = SmallDisk.OrSkip(kilobytes: 64);
        LoraException failure = Assert.Throws<LoraException>(() => RuntimeInstaller.Install(Cpu() with { Root = disk.File("runtime"), Room = _ => null }, new Notes()));

        Assert.Equal(LoraError.OutputFailed, failure.Error);
        Assert.Equal([RuntimeInstaller.Lock], Directory.GetFileSystemEntries(disk.File("runtime")).Select(path => Path.GetFileName(path)));
    }

    [Fact]
    public async Task Of_two_sessions_at_once_one_installs_and_the_other_finds_it()
    {
        RuntimeOptions options = Cpu();
        using Barrier both = new(2);
        Notes[] notes = [new(), new()];
        LoraRuntime[] runtimes = await Task.WhenAll(notes.Select(note => Task.Factory.StartNew(
            () =>
            {
                both.SignalAndWait();
                return RuntimeInstaller.Install(options, note);
            },
            TaskCreationOptions.LongRunning)));

        Assert.Equal(runtimes[0], runtimes[1]);
        Assert.Single(notes, note => note.Progress.IsEmpty);
        Assert.Empty(Left());
    }

    [Fact]
    public void What_a_killed_process_left_goes()
    {
        string left = Directory.CreateDirectory(Path.Combine(Root, $".{UserRuntime.Version}-cpu-linux-x64.abcdefgh.ijk.tmp")).FullName;
        File.WriteAllText(Path.Combine(left, "libtorch_cpu.so"), "half of it");

        RuntimeInstaller.Install(Cpu(), new Notes(), TestContext.Current.CancellationToken);
        Assert.Empty(Left());
    }

    [Fact]
    public void For_an_older_libstdcxx_the_bridge_is_mended()
    {
        string original = Path.Combine(NuGetFolder.Path, "torchsharp", UserRuntime.Version, "runtimes", "linux-x64", "native", "libLibTorchSharp.so");
        Assert.SkipUnless(File.Exists(original), "The package TorchSharp is not in NuGet's folder.");
        RuntimePackage[] real =
        [
            packages.Add("bridge", [], [("runtimes/linux-x64/native/libLibTorchSharp.so", File.ReadAllBytes(original))]),
            packages.Add("libtorch-cpu-linux-x64", [], ("runtimes/linux-x64/native/libtorch_cpu.so", "torch"), ("runtimes/linux-x64/native/libc10.so", "c10")),
        ];
        RuntimeOptions options = Options() with { Packages = real };

        LoraRuntime plain = RuntimeInstaller.Install(options, new Notes(), TestContext.Current.CancellationToken);
        Assert.Equal(File.ReadAllBytes(original), File.ReadAllBytes(Path.Combine(plain.Path, "libLibTorchSharp.so")));

        LoraRuntime mended = RuntimeInstaller.Install(options with { Overwrite = true, HasLibstdcxx = () => false }, new Notes(), TestContext.Current.CancellationToken);
        Assert.Equal(MendResult.AlreadyMended, LibstdcxxMend.Mend(File.ReadAllBytes(Path.Combine(mended.Path, "libLibTorchSharp.so"))));
    }

    private string Root => folder.File("home/Lora/runtime");

    private RuntimeOptions Options() => new() { Source = folder.File("feed"), Root = Root, Platform = "linux-x64", HasLibstdcxx = () => true };

    private RuntimeOptions Cpu() => Options() with { Packages = packages.Cpu() };

    private RuntimeOptions Cuda(IReadOnlyList<RuntimePackage> cuda) => Options() with { Backend = LoraBackend.Cuda, Platform = "win-x64", Packages = cuda };

    private static string[] Files(string path) => [.. Directory.GetFiles(path).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    private string[] Left() => [.. Directory.GetFileSystemEntries(Root).Select(path => Path.GetFileName(path)).Where(name => name != RuntimeInstaller.Lock && !name.StartsWith(UserRuntime.Version, StringComparison.Ordinal))];

    private LoraException Refused(RuntimeOptions options, LoraError error)
    {
        LoraException failure = Assert.Throws<LoraException>(() => RuntimeInstaller.Install(options, new Notes()));
        Assert.Equal(error, failure.Error);
        Assert.Equal([RuntimeInstaller.Lock], Directory.GetFileSystemEntries(Root).Select(path => Path.GetFileName(path))); // which stays
        return failure;
    }
}
