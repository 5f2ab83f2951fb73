namespace Lora.Quantization;

/// <summary>How many inputs share a scale.</summary>
internal static class GroupSize
{
    /// <summary>The size that config.json states or, when it states none (or -1: one group), the equal share of each group.</summary>
    /// <exception cref="LoraException">QuantizedWeightInvalid: groups of that size are not as many as there are scales.</exception>
    public static int Of(StoredParts parts, long inputs, long groups)
    {
        long size = parts.Stated?.GroupSize is int stated and > 0 ? stated : (inputs + groups - 1) / groups;
        return (inputs + size - 1) / size == groups ? (int)Math.Min(size, inputs)
            : throw parts.Invalid($"it has {groups} groups for {inputs} inputs in groups of {size}");
    }
}
