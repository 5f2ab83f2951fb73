using Lora.Selection;

namespace Lora.Adapters;

/// <summary>Targets by name for an adapter whose base model is not at hand.</summary>
internal static class ExactTargets
{
    /// <summary>
    /// The configuration with whole names as its targets: a list, or a pattern where a name has no dot, since as an entry of a list <c>proj_out</c>
    /// would be the ending of <c>blocks.0.proj_out</c> too.
    /// </summary>
    /// <param name="config">The configuration.</param>
    /// <param name="modules">The modules that are adapted.</param>
    /// <param name="parameters">The parameters that are adapted by themselves.</param>
    public static LoraConfig Of(LoraConfig config, IEnumerable<string> modules, IReadOnlyList<string>? parameters = null)
    {
        string[] names = [.. modules.Order(StringComparer.Ordinal)];
        bool isList = names.All(name => name.Contains('.', StringComparison.Ordinal));
        return config with
        {
            Module = null,
            TargetModule = isList ? names : null,
            TargetPattern = isList ? null : string.Join('|', names.Select(FileTargets.Escape)),
            TargetParameter = parameters is { Count: > 0 } ? [.. parameters] : null,
            ExcludeModule = null,
            ExcludePattern = null,
            LayersToTransform = null,
            LayersPattern = null,
        };
    }
}
