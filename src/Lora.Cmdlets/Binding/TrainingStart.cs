namespace Lora.Commands;

/// <summary>What a training starts from.</summary>
/// <param name="Config">What is adapted and how; it has its model, when that is named or known.</param>
/// <param name="Adapter">The adapter whose values training goes on from; null to begin anew.</param>
internal sealed record TrainingStart(LoraConfig Config, LoraAdapter? Adapter)
{
    /// <summary>Puts together what came through the pipeline and what was named: at most one configuration and one adapter.</summary>
    /// <param name="input">What came through the pipeline; null for nothing.</param>
    /// <param name="config">The configuration that was named; null for none.</param>
    /// <param name="adapter">The adapter that was named; null for none.</param>
    /// <param name="model">The model that was named; null for the one that the configuration knows.</param>
    /// <param name="paths">Finds what the input names.</param>
    /// <param name="cmdlet">Warns of what is not understood.</param>
    /// <exception cref="LoraException">ConfigNotGiven, ConfigConflict, or what is wrong with the input.</exception>
    public static TrainingStart Of(StartArgument? input, LoraConfig? config, LoraAdapter? adapter, string? model, PathResolver paths, LoraCmdlet cmdlet)
    {
        AdapterArgument? piped = input?.Adapter(paths);
        Refuse(piped is not null && adapter is not null, adapter, "training goes on from one adapter: -InputObject and -Adapter both are one");
        Refuse(input is not null && piped is null && config is not null, config, "one configuration is trained: -InputObject and -Config both are one");

        LoraAdapter? start = adapter ?? piped?.One(paths).Load(cmdlet);
        LoraConfig? given = config ?? (piped is null ? input?.Config.Read(paths) : null) ?? start?.Config;
        return new(BaseModel.Fill(given ?? throw LoraException.Of(LoraError.ConfigNotGiven, null), model, paths), start);
    }

    private static void Refuse(bool isConflict, object? target, string conflict)
    {
        if (isConflict)
        {
            throw LoraException.Of(LoraError.ConfigConflict, target, conflict);
        }
    }
}
