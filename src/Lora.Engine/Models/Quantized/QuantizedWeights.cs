using Lora.Checkpoints;
using Lora.Selection;

namespace Lora.Models;

/// <summary>Which weights are quantised: the matrices of the blocks. Embeddings, head, norms and the routers of experts are few and matter more.</summary>
internal static class QuantizedWeights
{
    /// <summary>What cannot be done with them, for messages.</summary>
    public const string NotTrained = "modules_to_save on a weight that is quantised";

    private const string Ending = ".weight";
    private const int Stacked = 3; // dimensions

    // What opens a shared expert, the table of T5's distances, and norms with a weight for each head.
    private static readonly string[] Kept = [".shared_expert_gate", ".relative_attention_bias", ".q_norm", ".k_norm"];

    /// <summary>Whether a weight is quantised.</summary>
    /// <param name="quantization">How the base is held.</param>
    /// <param name="isInBlock">Whether it belongs to one of the numbered blocks.</param>
    /// <param name="module">The name of its module.</param>
    /// <param name="shape">The weight's shape.</param>
    public static bool Include(LoraQuantization quantization, bool isInBlock, string module, ReadOnlySpan<long> shape) =>
        // Two dimensions: biases and norms of the blocks stay as they are.
        quantization == LoraQuantization.NF4 && shape.Length == 2 && isInBlock
        && ModuleRole.Of(module) != ModuleRole.Router && !Array.Exists(Kept, name => module.EndsWith(name, StringComparison.Ordinal));

    /// <summary>The weights that are held in 4 bits, of all that a model asks for.</summary>
    public static IEnumerable<string> In(LoraQuantization quantization, TaskShape shape, IEnumerable<(string Name, long[] Shape)> weights) =>
        from weight in weights
        where weight.Name.EndsWith(Ending, StringComparison.Ordinal) && Include(quantization, shape.IsInBlock(weight.Name), weight.Name[..^Ending.Length], weight.Shape)
        select weight.Name;

    /// <summary>What stands against how a model's weights are held: modules that a configuration would train whole although their weights are quantised, in the
    /// checkpoint or while it is loaded, and experts in stacks, for which there is no form in 4 bits here.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="folder">A model that its headers describe well.</param>
    /// <param name="quantization">How the base is held.</param>
    public static IEnumerable<LoraProblem> Check(LoraConfig config, string folder, LoraQuantization quantization)
    {
        IReadOnlyList<LoraModuleInfo> modules = ModuleTree.Read(folder).Modules;
        IEnumerable<LoraProblem> trained =
            from module in modules
            where module.Quantization is not null || Include(quantization, module.Layer is not null, module.Name, [.. module.Shape])
            where config.ModulesToSave?.Any(entry => SavedModules.Holds(entry, module.Name)) == true
            select new LoraProblem(LoraError.AdapterFeatureUnsupported, module.Name, module.Name, NotTrained);
        return quantization == LoraQuantization.NF4 && modules.FirstOrDefault(module => module.Layer is not null && module.Shape.Count == Stacked) is LoraModuleInfo stack
            ? trained.Append(new(LoraError.ConfigUnsupported, stack.Name, folder, $"to hold experts in 4 bits that are stacked in one parameter, as '{stack.Name}' [{string.Join(", ", stack.Shape)}]; train it without -Quantization"))
            : trained;
    }
}
