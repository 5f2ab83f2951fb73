namespace Lora.Checkpoints;

/// <summary>
/// The modules of a model as its files describe them: headers and config.json are read, no weights. Names are those that the
/// training class gives them in PyTorch.
/// </summary>
public sealed class ModuleTree
{
    private ModuleTree(string? modelType, IReadOnlyList<LoraModuleInfo> modules, IReadOnlyList<string> containers)
    {
        ModelType = modelType;
        Modules = modules;
        Containers = containers;
    }

    /// <summary><c>model_type</c> of config.json; null when there is none.</summary>
    public string? ModelType { get; }

    /// <summary>
    /// Every module that has parameters, of whatever kind, in the model's order as far as names tell it: embeddings, blocks by
    /// number, inside a block attention before MLP, heads last.
    /// </summary>
    public IReadOnlyList<LoraModuleInfo> Modules { get; }

    /// <summary>The names of the modules that hold other modules, parents before children, without the root.</summary>
    public IReadOnlyList<string> Containers { get; }

    /// <summary>Lists the modules of a model.</summary>
    /// <param name="path">A model's folder, a .safetensors file, or a shard index.</param>
    /// <exception cref="LoraException">The files are missing, damaged or a pickle (see <see cref="Checkpoint.Open"/>).</exception>
    public static ModuleTree Read(string path)
    {
        using Checkpoint checkpoint = Checkpoint.Open(path);
        ModelIdentity model = ModelIdentity.Read(checkpoint.Folder ?? Path.GetDirectoryName(checkpoint.Path)!);
        ModuleNode root = Grow(checkpoint, model);
        ModuleNode[] nodes = [.. root.Walk()];
        if (ModelFamily.TiedHead(model) is string head && TieHead(root, nodes, head))
        {
            nodes = [.. root.Walk()];
        }

        bool usesConv1D = ModuleKindRules.UsesConv1D(model.ModelType, nodes);
        string source = checkpoint.Folder ?? checkpoint.Path;
        return new(
            model.ModelType,
            [.. nodes.Where(node => node.TiedTo is not null || node.Parameters.Count > 0).Select(node => ModuleDescription.Of(node, usesConv1D, source))],
            [.. nodes.Where(node => node.IsContainer && node.Name.Length > 0).Select(node => node.Name)]);
    }

    private static ModuleNode Grow(Checkpoint checkpoint, ModelIdentity model)
    {
        ModuleNode root = new("", "");
        string prefix = ModelFamily.MissingPrefix(model, checkpoint.Tensors);
        foreach (TensorInfo tensor in checkpoint.Tensors)
        {
            root.Add(ModelFamily.IsOfHead(tensor.Name) ? tensor.Name : prefix + tensor.Name, tensor);
        }

        return root;
    }

    /// <summary>Adds the head that has no weight in the file because it shares the embedding's; false when it has one.</summary>
    private static bool TieHead(ModuleNode root, ModuleNode[] nodes, string head)
    {
        ModuleNode? embedding = nodes.FirstOrDefault(node =>
            node.Role is "shared" or "embed_tokens" or "wte" or "word_embeddings" or "embed_in" && node.Weight is { Shape.Length: 2 });
        if (embedding is null || nodes.Any(node => node.Name == head && node.Weight is not null))
        {
            return false;
        }

        root.Find(head.Split('.')).TiedTo = embedding;
        return true;
    }
}
