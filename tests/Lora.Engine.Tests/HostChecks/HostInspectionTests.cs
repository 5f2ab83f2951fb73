using System.Diagnostics;
using Lora.HostChecks;
using Lora.Native;

namespace Lora.Tests.HostChecks;

/// <summary>Machines that are made up, and this one.</summary>
public sealed class HostInspectionTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void This_machine_is_looked_at_and_every_finding_that_is_not_good_says_what_to_do()
    {
        LoraHostFinding[] findings = [.. HostInspection.Findings("7.6.1", null, null)];

        Assert.Contains(findings, finding => finding is { Name: "Runtime", Status: LoraHostStatus.Pass });
        Assert.All(findings, finding => Assert.Equal(finding.Status != LoraHostStatus.Pass, finding.Advice is not null));
        Assert.All(findings, finding => Assert.DoesNotContain("could not be looked at", finding.Found, StringComparison.Ordinal));
    }

    [Fact]
    public void What_cannot_be_looked_at_is_a_finding_and_no_exception()
    {
        HostFacts facts = Facts() with { Nvidia = () => throw new EntryPointNotFoundException("nvmlInit_v2"), Memory = () => throw new InvalidOperationException("no file") };
        LoraHostFinding[] findings = [.. HostInspection.Findings(facts)];

        Assert.Contains(findings, finding => finding is { Name: "Nvidia", Status: LoraHostStatus.Warning } && finding.Found.Contains("nvmlInit_v2", StringComparison.Ordinal));
        Assert.Contains(findings, finding => finding is { Name: "Memory", Status: LoraHostStatus.Warning });
        Assert.Contains(findings, finding => finding.Name == "Disk");
    }

    [Fact]
    public void A_machine_without_a_driver_is_good_for_the_processor_and_one_with_CUDA_s_runtime_is_warned()
    {
        Assert.Equal(LoraHostStatus.Pass, One(Facts(), "NvidiaDriver").Status);
        Assert.Equal(LoraHostStatus.Warning, One(Facts(LoraBackend.Cuda), "NvidiaDriver").Status);
    }

    [Theory]
    [InlineData(false, "570.26", LoraHostStatus.Pass)]
    [InlineData(false, "575.57.08", LoraHostStatus.Pass)]
    [InlineData(false, "535.183.01", LoraHostStatus.Warning)]
    [InlineData(false, "525.60.13", LoraHostStatus.Warning)]
    [InlineData(false, "470.256.02", LoraHostStatus.Fail)]
    [InlineData(false, "unknown", LoraHostStatus.Warning)]
    [InlineData(true, "570.65", LoraHostStatus.Pass)]
    [InlineData(true, "570.26", LoraHostStatus.Warning)]
    [InlineData(true, "528.33", LoraHostStatus.Warning)]
    [InlineData(true, "527.41", LoraHostStatus.Fail)]
    public void The_driver_is_held_against_what_CUDA_12_8_asks_for(bool isWindows, string driver, LoraHostStatus expected)
    {
        HostFacts facts = Facts(LoraBackend.Cuda) with { IsWindows = isWindows, IsLinux = !isWindows, Nvidia = () => new(driver, []) };
        Assert.Equal(expected, One(facts, "NvidiaDriver").Status);
    }

    [Theory]
    [InlineData(6, 1, LoraHostStatus.Fail)]
    [InlineData(7, 0, LoraHostStatus.Pass)]
    [InlineData(8, 9, LoraHostStatus.Pass)] // Ada runs Ampere's code
    [InlineData(9, 0, LoraHostStatus.Pass)]
    [InlineData(11, 0, LoraHostStatus.Fail)] // another major version than any that was built for
    [InlineData(12, 1, LoraHostStatus.Pass)]
    public void A_card_is_held_against_what_libtorch_was_built_for(int major, int minor, LoraHostStatus expected) =>
        Assert.Equal(expected, One(WithCard(new(0, "Card", (major, minor), 8_000_000_000, 7_000_000_000, [])), "Gpu").Status);

    [Fact]
    public void On_Windows_fewer_cards_are_built_for_and_shared_memory_is_told_of()
    {
        HostFacts facts = WithCard(new(0, "Card", (7, 0), 8_000_000_000, 7_000_000_000, [])) with { IsWindows = true, IsLinux = false, Memory = () => new(32_000_000_000, 16_000_000_000, 4_000_000_000, 20_000_000_000) };

        Assert.Equal(LoraHostStatus.Fail, One(facts, "Gpu").Status);
        Assert.Contains("up to 14.9 GB of the machine's memory", One(facts, "GpuMemory").Found, StringComparison.Ordinal);
    }

    [Fact]
    public void What_others_have_taken_of_a_card_is_said()
    {
        HostFacts facts = WithCard(new(1, "Card", (8, 6), 8_000_000_000, 1_000_000_000, ["process 12 with 6.5 GB"]));

        Assert.Equal(LoraHostStatus.Warning, One(facts, "GpuMemory").Status);
        Assert.Equal("GPU 1, Card: process 12 with 6.5 GB", One(facts, "GpuProcess").Found);
    }

    [Fact]
    public void A_card_beside_the_processor_s_runtime_names_the_command() => Assert.Contains(
        "Install-LoraRuntime -Backend Cuda",
        One(Facts() with { Nvidia = () => new("570.26", [new(0, "Card", (8, 6), null, null, [])]) }, "Backend").Advice,
        StringComparison.Ordinal);

    [Fact]
    public void A_card_that_does_not_answer_is_told_of() =>
        Assert.Equal(LoraHostStatus.Warning, One(WithCard(new(0, "unknown", null, null, null, [])), "Gpu").Status);

    [Fact]
    public void Without_a_runtime_the_command_is_named_and_nothing_is_tried()
    {
        LoraHostFinding[] findings = [.. HostInspection.Findings(Facts() with { Candidates = () => [folder.Path] })];

        Assert.Equal(LoraHostStatus.Fail, Assert.Single(findings, finding => finding.Name == "Runtime").Status);
        Assert.DoesNotContain(findings, finding => finding.Name == "RuntimeLoads");
    }

    [Fact]
    public void Of_two_runtimes_the_first_is_used_and_the_other_named()
    {
        string first = Runtime(LoraBackend.Cuda);
        string second = Runtime(LoraBackend.Cpu);

        Assert.Equal($"Cuda, {first}; not used: {second}", One(Facts() with { Candidates = () => [first, second] }, "Runtime").Found);
    }

    [Theory]
    [InlineData("exit 0", LoraHostStatus.Pass)]
    [InlineData("echo refused; exit 3", LoraHostStatus.Fail)]
    [InlineData("kill -SEGV $$", LoraHostStatus.Fail)]
    public void A_process_that_a_library_ends_is_a_finding(string script, LoraHostStatus expected)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no sh.");
        LoraHostFinding finding = One(Facts() with { IsLoaded = () => false, Probe = ["sh", "-c", script] }, "RuntimeLoads");

        Assert.Equal(expected, finding.Status);
        Assert.Equal(script.Contains("SEGV", StringComparison.Ordinal), finding.Found.Contains("ended with code 139", StringComparison.Ordinal));
    }

    [Fact]
    public void A_process_that_takes_long_is_ended_with_the_work()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There is no sh.");
        using CancellationTokenSource stop = new(TimeSpan.FromSeconds(0.5));
        HostFacts facts = Facts() with { IsLoaded = () => false, Probe = ["sh", "-c", "exec sleep 60"], Cancellation = stop.Token };
        long began = Stopwatch.GetTimestamp();

        Assert.ThrowsAny<OperationCanceledException>(() => HostInspection.Findings(facts).ToArray());
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 0, 30);
    }

    [Fact]
    public void Windows_own_things_are_looked_at_there()
    {
        HostFacts facts = Facts() with
        {
            IsWindows = true,
            IsLinux = false,
            MissingVisualCpp = () => ["msvcp140.dll"],
            HasLongPaths = () => false,
            ExecutionPolicy = "AllSigned",
            Memory = () => new(32_000_000_000, 16_000_000_000, 0, 2_000_000_000),
        };
        Assert.Equal(LoraHostStatus.Fail, One(facts, "CppRuntime").Status);
        Assert.Equal(LoraHostStatus.Warning, One(facts, "LongPaths").Status);
        Assert.Equal(LoraHostStatus.Warning, One(facts, "ExecutionPolicy").Status);
        Assert.Equal(LoraHostStatus.Warning, One(facts, "PageFile").Status);

        HostFacts good = facts with { MissingVisualCpp = () => [], HasLongPaths = () => true, ExecutionPolicy = "RemoteSigned", Memory = () => new(32_000_000_000, 16_000_000_000, 0, 20_000_000_000) };
        string[] names = ["CppRuntime", "LongPaths", "ExecutionPolicy", "PageFile"];
        Assert.All(names, name => Assert.Equal(LoraHostStatus.Pass, One(good, name).Status));
    }

    [Theory]
    [InlineData("2.36", "GLIBCXX_3.4.32", LoraHostStatus.Pass)]
    [InlineData("2.36", "GLIBCXX_3.4.30", LoraHostStatus.Pass)]
    [InlineData("2.36", "GLIBCXX_3.4.29", LoraHostStatus.Fail)]
    [InlineData("2.31", "GLIBCXX_3.4.32", LoraHostStatus.Fail)]
    [InlineData(null, "GLIBCXX_3.4.32", LoraHostStatus.Fail)]
    public void The_C_and_the_C_plus_plus_library_of_Linux_are_held_against_what_libtorch_asks_for(string? glibc, string libstdcxx, LoraHostStatus expected)
    {
        HostFacts facts = Facts() with
        {
            IsWindows = false,
            IsLinux = true,
            Glibc = () => glibc is null ? null : Version.Parse(glibc),
            HasLibstdcxx = version => string.CompareOrdinal(version, libstdcxx) <= 0,
        };
        Assert.Equal(expected, One(facts, "CppRuntime").Status);
    }

    [Fact]
    public void A_platform_or_a_shell_that_will_not_do_fails()
    {
        Assert.Equal(LoraHostStatus.Fail, One(Facts() with { Platform = "win-arm64" }, "System").Status);
        Assert.Equal(LoraHostStatus.Fail, One(Facts() with { PowerShell = "7.4.6" }, "PowerShell").Status);
        Assert.Equal(LoraHostStatus.Pass, One(Facts() with { PowerShell = "7.7.0-preview.1" }, "PowerShell").Status);
    }

    [Fact]
    public void A_disk_without_room_is_named() => Assert.Contains(
        "95 MB free for models", One(Facts() with { Places = () => [("models", "/models", 10_000_000_000)], Room = _ => 100_000_000 }, "Disk").Found, StringComparison.Ordinal);

    [Fact]
    public void Linux_s_memory_is_read_and_a_container_s_limit_is_less()
    {
        string[] lines = ["MemTotal:       16000000 kB", "MemFree:         1000000 kB", "MemAvailable:    8000000 kB", "HugePages_Total:       0", "SwapTotal:       2000000 kB"];

        Assert.Equal(new MachineMemory(16_384_000_000, 8_192_000_000, 2_048_000_000, null), MachineMemory.Of(lines, long.MaxValue));
        Assert.Equal(new MachineMemory(4_000_000_000, 4_000_000_000, 2_048_000_000, null), MachineMemory.Of(lines, 4_000_000_000));
    }

    private HostFacts Facts(LoraBackend backend = LoraBackend.Cpu)
    {
        string runtime = Runtime(backend);
        return new()
        {
            PowerShell = "7.6.1",
            Candidates = () => [runtime],
            IsLoaded = () => true,
            Nvidia = () => null,
            Memory = () => new(32_000_000_000, 16_000_000_000, 0, null),
            Places = () => [("models", folder.Path, 1)],
        };
    }

    [Fact]
    public void Files_that_are_marked_as_downloaded_are_told_of_with_the_command_that_unmarks_them()
    {
        HostFacts windows = Facts() with { IsWindows = true, IsLinux = false, MarkedFolder = () => "C:/Modules/Lora" };
        LoraHostFinding finding = One(windows, "DownloadedFiles");
        Assert.Equal(LoraHostStatus.Warning, finding.Status);
        Assert.Contains("Get-ChildItem 'C:/Modules/Lora' -Recurse | Unblock-File", finding.Advice, StringComparison.Ordinal);
        Assert.DoesNotContain(HostInspection.Findings(windows with { MarkedFolder = () => null }), other => other.Name == "DownloadedFiles");
    }

    [Theory]
    [InlineData("[ZoneTransfer]\r\nZoneId=3\r\nHostUrl=https://example.org/Lora.zip\r\n", true)]
    [InlineData("[ZoneTransfer]\r\nZoneId=1\r\n", false)]
    [InlineData(null, false)]
    public void The_mark_of_a_download_is_a_stream_beside_the_file(string? mark, bool isOn)
    {
        string file = folder.Write("Lora.psm1", "");
        if (mark is not null)
        {
            File.WriteAllText(file + ":Zone.Identifier", mark); // elsewhere than under NTFS another file
        }

        Assert.Equal(isOn, DownloadMark.IsOn(file));
    }

    private HostFacts WithCard(NvidiaCard card) => Facts(LoraBackend.Cuda) with { IsWindows = false, IsLinux = true, Nvidia = () => new("570.26", [card]) };

    private string Runtime(LoraBackend backend)
    {
        string path = Directory.CreateDirectory(folder.File(backend.ToString())).FullName;
        foreach (string library in new[] { NativeFolder.Torch, backend == LoraBackend.Cuda ? "torch_cuda" : NativeFolder.Bridge })
        {
            File.WriteAllText(Path.Combine(path, NativePlatform.FileName(library)), "");
        }

        return path;
    }

    private static LoraHostFinding One(HostFacts facts, string name) => Assert.Single(HostInspection.Findings(facts), finding => finding.Name == name);
}
