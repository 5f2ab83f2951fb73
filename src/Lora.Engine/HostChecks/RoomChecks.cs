namespace Lora.HostChecks;

/// <summary>Memory, page files and disks.</summary>
internal static class RoomChecks
{
    private const long LittleMemory = 4 * SizeText.Gigabyte;
    private const long LittlePromised = 8 * SizeText.Gigabyte; // CUDA's libraries alone take several gigabytes of it when they are loaded

    public static IEnumerable<LoraHostFinding> Memory(HostFacts facts)
    {
        if (facts.Memory() is not MachineMemory memory)
        {
            yield break;
        }

        string found = $"{SizeText.Of(memory.Available)} of {SizeText.Of(memory.Total)} free";
        yield return memory.Available >= LittleMemory ? LoraHostFinding.Pass(nameof(Memory), found)
            : LoraHostFinding.Warning(nameof(Memory), found, $"{SizeText.Of(LittleMemory)} free", "End other programs, or train a small model.");
        if (memory.Promised is not long promised)
        {
            yield return LoraHostFinding.Pass("Swap", memory.Swap == 0 ? "none" : SizeText.Of(memory.Swap));
        }
        else
        {
            string page = $"{SizeText.Of(memory.Swap)}; Windows still promises {SizeText.Of(promised)}";
            yield return promised >= LittlePromised ? LoraHostFinding.Pass("PageFile", page)
                : LoraHostFinding.Warning("PageFile", page, $"{SizeText.Of(LittlePromised)} promised", "Let Windows manage the page file's size (System, Advanced, Performance, Virtual memory): libraries of CUDA are not loaded without (error 1455).");
        }
    }

    public static IEnumerable<LoraHostFinding> Disk(HostFacts facts)
    {
        foreach ((string what, string folder, long needed) in facts.Places())
        {
            if (facts.Room(folder) is long free)
            {
                string found = $"{SizeText.Of(free)} free for {what}, in {folder}";
                yield return free >= needed ? LoraHostFinding.Pass(nameof(Disk), found, SizeText.Of(needed))
                    : LoraHostFinding.Warning(nameof(Disk), found, SizeText.Of(needed), "Make room there.");
            }
        }
    }
}
