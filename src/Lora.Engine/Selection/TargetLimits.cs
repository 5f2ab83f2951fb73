namespace Lora.Selection;

/// <summary>What a configuration asks of a module that its kind or its size does not allow.</summary>
internal static class TargetLimits
{
    public static IEnumerable<LoraProblem> Check(LoraConfig config, ResolvedTarget target)
    {
        string name = target.Module.Name;
        bool isEmbedding = target.Module.Kind == LoraModuleKind.Embedding;
        if (config.UseLoraBias && isEmbedding)
        {
            // PEFT would not load an adapter that asks for it.
            yield return new(LoraError.AdapterFeatureUnsupported, name, name, "a bias of B (lora_bias) on an embedding");
        }

        if (!isEmbedding && LoraInitializationRules.TakesWeightApart(config.Initialization) && Directions(target.Module) is long most && target.Rank > most)
        {
            yield return new(LoraError.ConfigConflict, name, $"The rank of '{name}' is {target.Rank}, and its weight has {most} directions for '{config.Initialization}' to begin with");
        }

        if (!isEmbedding && LoraInitializationRules.NeedsEvenRank(config.Initialization) && target.Rank % 2 != 0)
        {
            yield return new(LoraError.ConfigConflict, name, $"The rank of '{name}' is {target.Rank}, and '{config.Initialization}' needs an even one");
        }
    }

    /// <summary>The rank of the weight as a matrix [out, in]; null when the listing does not tell.</summary>
    private static long? Directions(LoraModuleInfo module)
    {
        long kernel = module is { Kind: LoraModuleKind.Conv2d, Shape.Count: 4 } ? module.Shape[2] * module.Shape[3] : 1;
        return module is { InFeatures: long inputs, OutFeatures: long outputs } ? Math.Min(inputs * kernel, outputs) : null;
    }
}
