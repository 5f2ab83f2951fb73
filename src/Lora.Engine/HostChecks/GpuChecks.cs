using Lora.Native;

namespace Lora.HostChecks;

/// <summary>
/// NVIDIA's driver and cards against the libtorch that Install-LoraRuntime -Backend Cuda installs: 2.10 for CUDA 12.8. What it was built for is in
/// PyTorch's own scripts of that release, <c>.ci/manywheel/build_cuda.sh</c> and <c>.ci/pytorch/windows/cuda128.bat</c>; the drivers are those of the
/// release notes of the CUDA Toolkit, "Minor version compatibility" for 12.x and "Driver versions" for 12.8.
/// </summary>
internal static class GpuChecks
{
    private const string Install = "Install-LoraRuntime -Backend Cuda installs the one for the card.";
    private const string UpdateDriver = "Install a newer driver from https://www.nvidia.com/drivers.";
    private const long LittleMemory = 4 * SizeText.Gigabyte;

    // Compute capabilities whose code is in torch_cuda; a card runs that of its own major version with a minor one that is not above its own.
    private static readonly (int Major, int Minor)[] BuiltForLinux = [(7, 0), (7, 5), (8, 0), (8, 6), (9, 0), (10, 0), (12, 0)];
    private static readonly (int Major, int Minor)[] BuiltForWindows = [(7, 5), (8, 0), (8, 6), (9, 0), (10, 0), (12, 0)];

    // Of CUDA 12.x as a whole, and of 12.8, without which the newest cards do not run.
    private static readonly (Version Least, Version Full) LinuxDriver = (new(525, 60, 13), new(570, 26));
    private static readonly (Version Least, Version Full) WindowsDriver = (new(528, 33), new(570, 65));

    public static IEnumerable<LoraHostFinding> Nvidia(HostFacts facts)
    {
        const string Name = "NvidiaDriver";
        LoraBackend? installed = NativeFolder.Find(facts.Candidates()) is string folder ? RuntimeChecks.Backend(folder) : null;
        if (facts.Nvidia() is not NvidiaInventory inventory)
        {
            yield return installed == LoraBackend.Cuda
                ? LoraHostFinding.Warning(Name, "none", "a driver, for the runtime with CUDA", $"The processor computes. On a machine with an NVIDIA GPU: {UpdateDriver}")
                : LoraHostFinding.Pass(Name, "none: the processor computes");
            yield break;
        }

        (Version least, Version full) = facts.IsWindows ? WindowsDriver : LinuxDriver;
        string expected = $"{least} or later, for CUDA 12.8 itself {full}";
        Version? driver = Version.TryParse(inventory.Driver, out Version? parsed) ? parsed : null;
        yield return driver is null ? LoraHostFinding.Warning(Name, inventory.Driver, expected, "This version is not understood; the first training will tell.")
            : driver < least ? LoraHostFinding.Fail(Name, inventory.Driver, expected, UpdateDriver)
            : driver < full ? LoraHostFinding.Warning(Name, inventory.Driver, expected, $"Cards before Blackwell run. {UpdateDriver}")
            : LoraHostFinding.Pass(Name, inventory.Driver, expected);
        if (inventory.Cards.Count > 0 && installed == LoraBackend.Cpu)
        {
            yield return LoraHostFinding.Warning("Backend", "a GPU is here, and the runtime computes on the processor", "Cuda", Install);
        }

        foreach (LoraHostFinding finding in inventory.Cards.SelectMany(card => Card(card, facts)))
        {
            yield return finding;
        }
    }

    private static IEnumerable<LoraHostFinding> Card(NvidiaCard card, HostFacts facts)
    {
        (int Major, int Minor)[] built = facts.IsWindows ? BuiltForWindows : BuiltForLinux;
        string expected = $"compute capability {string.Join(", ", built.Select(entry => $"{entry.Major}.{entry.Minor}"))} or above of the same major version";
        string title = $"GPU {card.Index}, {card.Name}";
        if (card.Capability is not (int major, int minor))
        {
            yield return LoraHostFinding.Warning("Gpu", $"{title}: it does not answer", expected, "Look whether nvidia-smi lists it.");
        }
        else
        {
            string found = $"{title}: compute capability {major}.{minor}";
            yield return built.Any(entry => entry.Major == major && entry.Minor <= minor) ? LoraHostFinding.Pass("Gpu", found, expected)
                : LoraHostFinding.Fail("Gpu", found, expected, "libtorch has no code for this card: use -Device cpu, or let LORA_LIBTORCH name a libtorch that was built for it.");
        }

        if (card is { Free: long free, Total: long total })
        {
            string shared = facts.IsWindows && facts.Memory() is MachineMemory memory ? $"; shared, by Windows' rule, up to {SizeText.Of(memory.Total / 2)} of the machine's memory, which is slow" : "";
            string found = $"{title}: {SizeText.Of(free)} of {SizeText.Of(total)} free{shared}";
            yield return free >= LittleMemory ? LoraHostFinding.Pass("GpuMemory", found)
                : LoraHostFinding.Warning("GpuMemory", found, $"{SizeText.Of(LittleMemory)} free", "End programs that use the card, or train a small model, with -Quantization NF4 or -MaxLength.");
        }

        if (card.Processes.Count > 0)
        {
            yield return LoraHostFinding.Warning(
                "GpuProcess", $"{title}: {string.Join(", ", card.Processes)}", "no other program that computes", "They share the card's memory and time; end them, or wait for them.");
        }
    }
}
