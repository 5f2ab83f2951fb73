namespace Lora.Selection;

/// <summary>Counts the values that an adapter trains for a module, from shapes alone.</summary>
internal static class AdapterSize
{
    /// <summary>Values of A and B, of B's bias and of DoRA's magnitudes, and of the module's own bias where that is trained.</summary>
    public static long Of(ResolvedTarget target, LoraConfig config)
    {
        LoraModuleInfo module = target.Module;
        long outputs = module.OutFeatures ?? 0;
        long inputs = module.InFeatures ?? 0;

        // A convolution's A has the base kernel's size, its B is 1 x 1.
        long kernel = module.Kind == LoraModuleKind.Conv2d ? module.Shape[2] * module.Shape[3] : 1;
        bool isEmbedding = module.Kind == LoraModuleKind.Embedding;
        long magnitudes = config.UseDora ? outputs : 0;
        long upBias = config.UseLoraBias && !isEmbedding ? outputs : 0;
        return (target.Rank * ((inputs * kernel) + outputs)) + magnitudes + upBias + Bias(module, config, isTargeted: true);
    }

    /// <summary>Values of a module's own bias where the configuration trains it.</summary>
    public static long Bias(LoraModuleInfo module, LoraConfig config, bool isTargeted)
    {
        bool isTrained = config.Bias == LoraBias.All || (config.Bias == LoraBias.LoraOnly && isTargeted);
        long weight = module.Shape.Aggregate(1L, (product, extent) => product * extent);
        return isTrained && module.TiedTo is null ? module.ParameterCount - weight : 0;
    }
}
