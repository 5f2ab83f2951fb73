namespace Lora.HostChecks;

/// <summary>Memory, page files and disks.</summary>
internal static class RoomChecks
{
    private const long LittleMemory = 4_000_000_000;
    private const long LittlePromised = 8_000_000_000; // CUDA's libraries alone take several gigabytes of it when they are loaded

    public static IEnumerable<LoraHostFinding> Memory(HostFacts facts)
    {
        if (facts.Memory() is not MachineMemory memory)
        {
            yield break;
        }

        string found = $"{Gigabytes(memory.Available)} of {Gigabytes(memory.Total)} free";
        yield return memory.Available >= LittleMemory ? LoraHostFinding.Pass(nameof(Memory), found)
            : LoraHostFinding.Warning(nameof(Memory), found, $"{Gigabytes(LittleMemory)} free", "End other programs, or train a small model.");
        if (memory.Promised is not long promised)
        {
            yield return LoraHostFinding.Pass("Swap", memory.Swap == 0 ? "none" : Gigabytes(memory.Swap));
        }
        else
        {
            string page = $"{Gigabytes(memory.Swap)}; Windows still promises {Gigabytes(promised)}";
            yield return promised >= LittlePromised ? LoraHostFinding.Pass("PageFile", page)
                : LoraHostFinding.Warning("PageFile", page, $"{Gigabytes(LittlePromised)} promised", "Let Windows manage the page file's size (System, Advanced, Performance, Virtual memory): libraries of CUDA are not loaded without (error 1455).");
        }
    }

    public static IEnumerable<LoraHostFinding> Disk(HostFacts facts)
    {
        foreach ((string what, string folder, long needed) in facts.Places())
        {
            if (facts.Room(folder) is long free)
            {
                string found = $"{Gigabytes(free)} free for {what}, in {folder}";
                yield return free >= needed ? LoraHostFinding.Pass(nameof(Disk), found, $"{Gigabytes(needed)}")
                    : LoraHostFinding.Warning(nameof(Disk), found, Gigabytes(needed), "Make room there.");
            }
        }
    }

    private static string Gigabytes(long bytes) => FormattableString.Invariant($"{bytes / 1e9:N1} GB");
}
