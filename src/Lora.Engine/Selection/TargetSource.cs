namespace Lora.Selection;

/// <summary>A configuration whose targets are named: <c>all-linear</c> and default targets are spelled out for the model.</summary>
/// <param name="Config">The configuration with named targets.</param>
/// <param name="ListName">Where messages say that the entries come from.</param>
/// <param name="IsDefault">Whether the user named no targets.</param>
internal sealed record TargetSource(LoraConfig Config, string ListName, bool IsDefault)
{
    public static TargetSource Of(LoraConfig config, IReadOnlyList<LoraModuleInfo> modules, string? modelType)
    {
        if (AllLinear.IsMeant(config))
        {
            return new(config with { Module = AllLinear.Names(config, modules, modelType), TargetPattern = null }, AllLinear.Keyword, false);
        }

        if (config.Module is not null)
        {
            return new(config, nameof(LoraConfig.Module), false);
        }

        bool isNamed = config.TargetModule is not null || config.TargetPattern is not null;
        LoraConfig named = isNamed ? config : DefaultTargets.Apply(config, modelType) ?? OnlyParameters(config) ?? throw Unknown(config, modelType);
        return new(named, nameof(LoraConfig.TargetModule), !isNamed);
    }

    // A model type without default targets is no error to PEFT where target_parameters say what to adapt.
    private static LoraConfig? OnlyParameters(LoraConfig config) => config.TargetParameter is { Length: > 0 } ? config with { TargetModule = [] } : null;

    private static LoraException Unknown(LoraConfig config, string? modelType) =>
        LoraException.Of(LoraError.NoTargets, config, $"it names none, and the model type '{modelType ?? "unknown"}' has no default targets");
}
