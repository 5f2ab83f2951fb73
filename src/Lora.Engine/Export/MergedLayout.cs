using Lora.Checkpoints;
using Lora.Models;

namespace Lora.Export;

/// <summary>
/// The tensors of the merged model: those of the base with their names, dtypes and order, of which a resized vocabulary has other shapes; and a head
/// of its own behind the embedding whose weight it shared, where it is untied. A tensor says where the base's values are.
/// </summary>
internal sealed class MergedLayout
{
    private const string Weight = "weight";

    private readonly ModuleTree tree;
    private readonly Dictionary<string, TensorData> replaced = new(StringComparer.Ordinal);
    private readonly TensorInfo? shared;
    private readonly string? untiedHead;

    /// <param name="tree">The base model's modules.</param>
    /// <param name="vocabulary">The vocabulary to write it with; null for its own.</param>
    /// <param name="unties">Whether a head that shares the embedding's weight gets its own.</param>
    /// <param name="head">The head of a classifier; null for none.</param>
    public MergedLayout(ModuleTree tree, ResizedVocabulary? vocabulary, bool unties, MergedHead? head = null)
    {
        this.tree = tree;
        Head = head;
        Vocabulary = vocabulary;
        Tied = unties ? null : tree.Tied;
        IsUntied = unties && tree.Tied is not null;
        bool isShared = tree.Tied is TiedWeight tied && tree.Nodes[tied.Head].Weight is null;
        shared = isShared ? tree.ParameterOf(tree.Tied!.Embedding, Weight) : null;
        untiedHead = IsUntied && isShared ? $"{tree.Tied!.Head}.{Weight}" : null;
        foreach ((string name, TensorData table) in vocabulary?.Weights ?? new Dictionary<string, TensorData>())
        {
            replaced.Add(tree.ParameterOf(name[..^(Weight.Length + 1)], Weight)!.Name, table);
        }

        foreach ((string name, TensorData tensor) in head?.Tensors ?? new Dictionary<string, TensorData>())
        {
            replaced.Add(name, tensor);
        }

        if (untiedHead is not null && shared is not null && replaced.TryGetValue(shared.Name, out TensorData? both))
        {
            replaced.Add(untiedHead, both);
        }
    }

    /// <summary>The vocabulary that the model gets; null when it keeps its own.</summary>
    public ResizedVocabulary? Vocabulary { get; }

    /// <summary>The head of a classifier; null for none.</summary>
    public MergedHead? Head { get; }

    /// <summary>The modules that share a weight in the merged model; null when none do.</summary>
    public TiedWeight? Tied { get; }

    /// <summary>Whether the merged model has two weights where the base has one.</summary>
    public bool IsUntied { get; }

    /// <summary>Whether names, shapes and places of all tensors are the base's.</summary>
    public bool IsBases => untiedHead is null && replaced.Count == 0;

    /// <summary>The tensor of a module's parameter; null when the merged model has none.</summary>
    public TensorInfo? Of(string module, string parameter)
    {
        if (Head?.Tensors.TryGetValue($"{module}.{parameter}", out TensorData? added) == true)
        {
            return Added($"{module}.{parameter}", added);
        }

        ModuleNode? node = tree.Nodes.GetValueOrDefault(module);
        bool isUntiedHead = untiedHead is not null && $"{module}.{parameter}" == untiedHead;
        return isUntiedHead ? Resized(shared! with { Name = untiedHead! })
            : parameter == Weight && node is { Weight: null, TiedTo: not null } ? null
            : tree.ParameterOf(module, parameter) is TensorInfo tensor ? Resized(tensor)
            : null;
    }

    /// <summary>The tensors of a file of the base model as the merged one has them.</summary>
    public IEnumerable<TensorInfo> Of(IReadOnlyList<TensorInfo> tensors)
    {
        foreach (TensorInfo tensor in tensors)
        {
            yield return Resized(tensor);
            if (untiedHead is not null && tensor.Name == shared!.Name && tensor.File == shared.File)
            {
                yield return Resized(tensor with { Name = untiedHead });
            }
        }

        if (Head is not null && tensors.Any(tensor => tensor.File == Head.Home))
        {
            foreach ((string name, TensorData tensor) in Head.Tensors)
            {
                yield return Added(name, tensor);
            }
        }
    }

    /// <summary>Values in place of the base's, in their own dtype; null where the base's stay.</summary>
    public TensorData? Replacement(string tensor) => replaced.GetValueOrDefault(tensor);

    /// <summary>A tensor that the base lacks, in the dtype of the base's table.</summary>
    private TensorInfo Added(string name, TensorData tensor)
    {
        TensorDataType type = tree.Embedding is string embedding && tree.ParameterOf(embedding, Weight) is TensorInfo table ? table.DataType : TensorDataType.F32;
        return new() { Name = name, DataType = type, Shape = tensor.Shape, File = Head!.Home, Offset = 0, Length = type.ByteSize(tensor.Shape)!.Value };
    }

    private TensorInfo Resized(TensorInfo tensor) => replaced.TryGetValue(tensor.Name, out TensorData? table)
        ? tensor with { Shape = table.Shape, Length = tensor.DataType.ByteSize(table.Shape)!.Value }
        : tensor;
}
