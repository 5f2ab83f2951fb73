namespace Lora.Selection;

/// <summary>Counts the values that an adapter trains for a module, from shapes alone.</summary>
internal static class AdapterSize
{
    /// <summary>All values of a module that is trained whole; else those of its low-rank product, if it has one, and of its trained bias.</summary>
    public static long Of(LoraModuleInfo module, ResolvedTarget? target, LoraConfig config) =>
        config.ModulesToSave?.Any(entry => SavedModules.Holds(entry, module.Name)) == true
            ? Math.Max(module.ParameterCount, Weight(module)) // a tied head has no tensors of its own in the file
            : Product(target, config) + Bias(module, config, target is not null);

    /// <summary>Values of A and B, of B's bias and of DoRA's magnitudes.</summary>
    private static long Product(ResolvedTarget? target, LoraConfig config)
    {
        if (target is null)
        {
            return 0;
        }

        LoraModuleInfo module = target.Module;
        long outputs = module.OutFeatures ?? 0;
        long inputs = module.InFeatures ?? 0;

        // A convolution's A has the base kernel's size, its B is 1 x 1.
        long kernel = module.Kind == LoraModuleKind.Conv2d ? module.Shape[2] * module.Shape[3] : 1;
        long magnitudes = config.UseDora ? outputs : 0;
        long upBias = config.UseLoraBias ? outputs : 0;
        // PEFT gives a stack of experts one A [experts * rank, in] and one B [out, rank * experts], so each expert has the rank for itself.
        return (target.Rank * (module.ExpertCount ?? 1) * ((inputs * kernel) + outputs)) + magnitudes + upBias;
    }

    private static long Bias(LoraModuleInfo module, LoraConfig config, bool isTargeted)
    {
        bool isTrained = config.Bias == LoraBias.All || (config.Bias == LoraBias.LoraOnly && isTargeted);
        return isTrained && module.TiedTo is null ? module.ParameterCount - Weight(module) : 0;
    }

    private static long Weight(LoraModuleInfo module) => module.Shape.Aggregate(1L, (product, extent) => product * extent);
}
