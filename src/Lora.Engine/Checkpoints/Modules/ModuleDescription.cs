using System.Collections.Frozen;
using System.Globalization;

namespace Lora.Checkpoints;

/// <summary>Makes the public description of a module.</summary>
internal static class ModuleDescription
{
    /// <summary>What is called so holds layers that follow each other, not blocks that are alike.</summary>
    private static readonly FrozenSet<string> Sequentials = FrozenSet.Create(
        StringComparer.Ordinal, "net", "mlp", "ff", "ffn", "feed_forward", "to_out", "proj", "projector", "conv", "fc", "head", "classifier", "score", "sequential");

    /// <summary>Describes a module that has parameters or a tied weight.</summary>
    /// <param name="node">The module.</param>
    /// <param name="isOther">Whether it is one that LoRA does not adapt, whatever its shape.</param>
    /// <param name="readsText">Whether the model has a table of tokens.</param>
    /// <param name="usesConv1D">What <see cref="ModuleKindRules.UsesConv1D"/> says of the model.</param>
    /// <param name="stored">The matrix that its tensors stand for when they are quantised; null otherwise.</param>
    /// <param name="source">The model's folder or file.</param>
    public static LoraModuleInfo Of(ModuleNode node, bool isOther, bool readsText, bool usesConv1D, StoredMatrix? stored, string source)
    {
        TensorInfo? weight = node.Weight ?? node.TiedTo?.Weight;
        // Of a packed matrix's tensors the matrix itself is the largest; what stands beside it are scales.
        TensorInfo shown = weight ?? (stored is null ? node.Parameters[0] : node.Parameters.MaxBy(parameter => parameter.Length)!);
        long[] shape = stored?.Shape ?? shown.Shape;
        LoraModuleKind kind = isOther ? LoraModuleKind.Other : stored is null ? ModuleKindRules.Infer(node.Role, weight, usesConv1D) : ModuleKindRules.OfMatrix(node.Role, stored);
        (long? inFeatures, long? outFeatures) = Features(kind, shape);
        return new()
        {
            Name = node.Name,
            Kind = kind,
            Shape = new(shape),
            InFeatures = inFeatures,
            OutFeatures = outFeatures,
            DataType = shown.DataType.ToName(),
            Quantization = stored?.ToString(),
            ParameterCount = stored?.Shape is null ? node.Parameters.Sum(parameter => parameter.ElementCount) : Count(stored.Shape, node),
            Part = ModuleParts.Of(node.Name, readsText),
            Layer = Layer(node.Name),
            Role = ModuleRole.Of(node.Name),
            TiedTo = node.TiedTo?.Name,
            Model = source,
            File = Path.GetFileName(shown.File),
        };
    }

    /// <summary>Weights of the matrix and values of the bias; scales and zero points of the packing are no parameters.</summary>
    private static long Count(long[] shape, ModuleNode node) =>
        (shape[0] * shape[1]) + (node.Parts.TryGetValue("bias", out TensorInfo? bias) ? bias.ElementCount : 0);

    private static (long? In, long? Out) Features(LoraModuleKind kind, long[] shape) => kind switch
    {
        LoraModuleKind.Linear or LoraModuleKind.Conv2d => (shape[1], shape[0]),
        LoraModuleKind.Conv1D or LoraModuleKind.Embedding => (shape[0], shape[1]),
        _ => (null, null),
    };

    /// <summary>
    /// The first number within the name that counts blocks: neither its first part nor its last, nor one below a Sequential, whose members are no blocks, or
    /// below a connector.
    /// </summary>
    internal static int? Layer(string name)
    {
        string[] parts = name.Split('.');
        for (int index = 1; index < parts.Length - 1; index++)
        {
            if (int.TryParse(parts[index], NumberStyles.None, CultureInfo.InvariantCulture, out int layer) && !Sequentials.Contains(parts[index - 1]))
            {
                return ModuleParts.Of(name, readsText: true) == LoraModulePart.Connector ? null : layer;
            }
        }

        return null;
    }
}

/// <summary>Two modules that config.json gives one weight.</summary>
/// <param name="Head">The output head.</param>
/// <param name="Embedding">The embedding.</param>
internal sealed record TiedWeight(string Head, string Embedding)
{
    /// <summary>The module that shares the weight of the one named; null when it shares none.</summary>
    public string? Other(string module) => module == Head ? Embedding : module == Embedding ? Head : null;
}
