namespace Lora.Checkpoints;

/// <summary>A module while the tree is built: the tensors that are its own, and the modules inside it.</summary>
internal sealed class ModuleNode(string name, string role)
{
    private readonly Dictionary<string, ModuleNode> children = new(StringComparer.Ordinal);
    private readonly List<TensorInfo> tensors = [];
    private readonly Dictionary<string, TensorInfo> parts = new(StringComparer.Ordinal);
    private TensorInfo[]? parameters;

    /// <summary>The dotted name; empty for the root.</summary>
    public string Name => name;

    /// <summary>The last part of the name.</summary>
    public string Role => role;

    /// <summary>The module whose weight this one shares.</summary>
    public ModuleNode? TiedTo { get; set; }

    public bool IsContainer => children.Count > 0;

    /// <summary>The module's own tensors without buffers; asked for when all tensors are in.</summary>
    public IReadOnlyList<TensorInfo> Parameters =>
        parameters ??= [.. tensors.Where(tensor => !ParameterName.IsBuffer(tensor.Name, hasWeight: Weight is not null))];

    /// <summary>All of the module's own tensors by what follows its name: <c>weight</c>, <c>qweight</c>, <c>weight.absmax</c>.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Parts => parts;

    /// <summary>The weight that the file holds for this module; null when it holds none.</summary>
    public TensorInfo? Weight { get; private set; }

    /// <summary>Puts a tensor where its name says; a name such as <c>weight.absmax</c> stays with the module of the weight.</summary>
    public void Add(string tensorName, TensorInfo tensor)
    {
        string[] names = tensorName.Split('.');
        int own = ParameterName.OwnStart(names);
        ModuleNode node = Find(names.AsSpan(0, own));
        node.tensors.Add(tensor);
        node.parts[string.Join('.', names[own..])] = tensor;
        if (own == names.Length - 1 && ParameterName.IsWeight(names[^1]))
        {
            node.Weight = tensor;
        }
    }

    /// <summary>The module of this name below this one, made when it is not there.</summary>
    public ModuleNode Find(ReadOnlySpan<string> parts)
    {
        ModuleNode node = this;
        foreach (string part in parts)
        {
            if (!node.children.TryGetValue(part, out ModuleNode? child))
            {
                child = new(node.Name.Length == 0 ? part : $"{node.Name}.{part}", part);
                node.children.Add(part, child);
            }

            node = child;
        }

        return node;
    }

    /// <summary>This module and all below it, parents before children; no recursion, as names of any depth may come in.</summary>
    public IEnumerable<ModuleNode> Walk()
    {
        Stack<ModuleNode> rest = new([this]);
        while (rest.TryPop(out ModuleNode? node))
        {
            yield return node;
            // Backwards: what is pushed last comes first.
            foreach (ModuleNode child in node.children.Values.OrderByDescending(child => child.Role, ModuleOrder.Instance))
            {
                rest.Push(child);
            }
        }
    }
}
