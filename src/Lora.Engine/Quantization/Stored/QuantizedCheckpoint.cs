using Lora.Checkpoints;

namespace Lora.Quantization;

/// <summary>What is said of a quantised checkpoint as a whole.</summary>
internal static class QuantizedCheckpoint
{
    /// <summary>One problem for all modules in forms that are not read; none when the weights are plain numbers or in forms that are.</summary>
    public static IEnumerable<LoraProblem> Problems(ModuleTree tree, string path)
    {
        // GPT-2's matrices lie inputs first; libraries store them turned, so that a square one would load and be another.
        bool isTurned = ModuleKindRules.UsesConv1D(tree.ModelType, []);
        string[] schemes =
        [
            .. from scheme in tree.Modules.Select(module => module.Quantization).OfType<string>()
               where isTurned || !StoredForms.Reads(scheme)
               select isTurned ? $"{scheme} of {tree.ModelType}" : scheme,
        ];
        return schemes.Length == 0 ? [] : [new(LoraError.QuantizationUnsupported, path, path, Names(schemes), schemes.Length, StoredForms.Names)];
    }

    /// <summary>Why an adapter cannot be added to the weights; null when none of its modules is quantised.</summary>
    public static string? WhyNotMerged(ModuleTree tree, IReadOnlySet<string> modules)
    {
        string[] schemes = [.. tree.Modules.Where(module => modules.Contains(module.Name)).Select(module => module.Quantization).OfType<string>()];
        return schemes.Length == 0 ? null
            : $"the weights of {schemes.Length} of its modules are quantised there ({Names(schemes)}), too coarse for what it adds; name the model that was quantised, in float16, bfloat16 or float32: -Model (the argument model in a program)";
    }

    /// <summary>How the weights come into memory, for the run's messages; null when they are plain numbers.</summary>
    public static string? Note(ModuleTree tree, LoraQuantization quantization)
    {
        string[] schemes = [.. tree.Modules.Select(module => module.Quantization).OfType<string>()];
        string[] kept = [.. schemes.Where(StoredForms.Keeps)];
        string[] unpacked = [.. schemes.Where(scheme => !StoredForms.Keeps(scheme))];
        string[] parts =
        [
            .. kept.Length == 0 ? [] : new[] { $"stay in 4 bits ({Names(kept)}, in {kept.Length} modules)" },
            .. unpacked.Length == 0 ? [] : new[] { $"become numbers as they are read ({Names(unpacked)}, in {unpacked.Length} modules){(quantization == LoraQuantization.NF4 ? ", which are rounded to 4 bits anew" : "")}" },
        ];
        return schemes.Length == 0 ? null : $"The checkpoint is quantised: weights {string.Join(" and ", parts)}";
    }

    private static string Names(string[] schemes) => string.Join(", ", schemes.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
}
