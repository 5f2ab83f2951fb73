namespace Lora.Checkpoints;

/// <summary>Refuses a quantised checkpoint once, by name, where its weights would have to be computed with.</summary>
internal static class QuantizedCheckpoint
{
    /// <summary>One problem for all of its modules; none when the weights are plain numbers.</summary>
    public static IEnumerable<LoraProblem> Problems(ModuleTree tree, string path)
    {
        string[] schemes = [.. tree.Modules.Select(module => module.Quantization).OfType<string>()];
        return schemes.Length == 0 ? []
            : [new(LoraError.QuantizationUnsupported, path, path, string.Join(", ", schemes.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)), schemes.Length)];
    }
}
