using Lora.Checkpoints;
using Lora.Selection;

namespace Lora.Models;

/// <summary>Which weights are quantised: the matrices of the blocks. Embeddings, head and norms are few and matter more.</summary>
internal static class QuantizedWeights
{
    /// <summary>What cannot be done with them, for messages.</summary>
    public const string NotTrained = "modules_to_save on a weight that is held in 4 bits";

    /// <summary>Whether a weight is quantised.</summary>
    /// <param name="quantization">How the base is held.</param>
    /// <param name="isInBlock">Whether it belongs to one of the numbered blocks.</param>
    /// <param name="shape">The weight's shape.</param>
    public static bool Include(LoraQuantization quantization, bool isInBlock, ReadOnlySpan<long> shape) =>
        // Two dimensions: biases and norms of the blocks stay as they are.
        quantization == LoraQuantization.NF4 && shape.Length == 2 && isInBlock;

    /// <summary>The modules that a configuration would train whole although their weights are quantised.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="folder">A model that its headers describe well.</param>
    /// <param name="quantization">How the base is held.</param>
    public static IEnumerable<LoraProblem> Check(LoraConfig config, string folder, LoraQuantization quantization) =>
        config.ModulesToSave is not { Length: > 0 } entries || quantization == LoraQuantization.None ? []
            : from module in ModuleTree.Read(folder).Modules
              where Include(quantization, module.Layer is not null, [.. module.Shape]) && entries.Any(entry => SavedModules.Holds(entry, module.Name))
              select new LoraProblem(LoraError.AdapterFeatureUnsupported, module.Name, module.Name, NotTrained);
}
