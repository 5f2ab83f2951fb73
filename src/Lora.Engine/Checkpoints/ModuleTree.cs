namespace Lora.Checkpoints;

/// <summary>
/// The modules of a model as its files describe them: headers and config.json are read, no weights. Names are those that the
/// training class gives them in PyTorch.
/// </summary>
public sealed class ModuleTree
{
    private ModuleTree(string? modelType, IReadOnlyList<ModuleNode> nodes, IReadOnlyList<LoraModuleInfo> modules, TiedWeight? tied)
    {
        ModelType = modelType;
        Modules = modules;
        Containers = [.. nodes.Where(node => (node.IsContainer || ExpertParameters.AreIn(node)) && node.Name.Length > 0).Select(node => node.Name)];
        Nodes = nodes.DistinctBy(node => node.Name).ToDictionary(node => node.Name, StringComparer.Ordinal); // ".x" has a part without a name
        Tied = tied;
        Embedding = EmbeddingOf(nodes)?.Name;
        Head = ModelNames.HeadAmong(modelType ?? "", Nodes.Keys.ToArray());
    }

    /// <summary><c>model_type</c> of config.json; null when there is none.</summary>
    public string? ModelType { get; }

    /// <summary>
    /// Every module that has parameters, of whatever kind, in the model's order as far as names tell it: embeddings, blocks by
    /// number, inside a block attention before MLP, heads last. Of a module that holds all experts of a block each parameter is listed.
    /// </summary>
    public IReadOnlyList<LoraModuleInfo> Modules { get; }

    /// <summary>The names of the modules that hold other modules, parents before children, without the root.</summary>
    public IReadOnlyList<string> Containers { get; }

    /// <summary>Every module with its tensors, by its name.</summary>
    internal IReadOnlyDictionary<string, ModuleNode> Nodes { get; }

    /// <summary>The head and the embedding that config.json makes one weight of, whether or not the files hold it twice; null when it does not.</summary>
    internal TiedWeight? Tied { get; }

    /// <summary>The table of the input tokens; null when none is known by its name.</summary>
    internal string? Embedding { get; }

    /// <summary>The language head; null when there is none.</summary>
    internal string? Head { get; }

    /// <summary>The tensor of a module's parameter, for a tied head's weight the embedding's; null when the files hold none.</summary>
    internal TensorInfo? ParameterOf(string module, string parameter)
    {
        ModuleNode? node = Nodes.GetValueOrDefault(module);
        return parameter == "weight" && (node?.Weight ?? node?.TiedTo?.Weight) is TensorInfo weight
            ? weight
            : node?.Parameters.FirstOrDefault(tensor => tensor.Name[(tensor.Name.LastIndexOf('.') + 1)..] == parameter);
    }

    /// <summary>Lists the modules of a model.</summary>
    /// <param name="path">A model's folder, a .safetensors file, or a shard index.</param>
    /// <exception cref="LoraException">The files are missing, damaged or a pickle (see <see cref="Checkpoint.Open"/>).</exception>
    public static ModuleTree Read(string path)
    {
        using Checkpoint checkpoint = Checkpoint.Open(path);
        return Of(checkpoint);
    }

    /// <summary>Lists the modules of a checkpoint that is open.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="underHead">Whether names are those that they have in a class with a head, also where config.json names the bare body.</param>
    internal static ModuleTree Of(Checkpoint checkpoint, bool underHead = false)
    {
        ModelIdentity model = ModelIdentity.Read(checkpoint.Folder ?? Path.GetDirectoryName(checkpoint.Path)!);
        return Of(checkpoint.Tensors, model, checkpoint.Folder ?? checkpoint.Path, checkpoint, underHead);
    }

    /// <summary>Lists the modules that tensors make up.</summary>
    /// <param name="tensors">All tensors of a model.</param>
    /// <param name="model">What config.json says.</param>
    /// <param name="source">What each module says that it belongs to.</param>
    /// <param name="values">Gives the few values that hold the shape of a quantised matrix; null where none can be read, so that such shapes stay unknown.</param>
    /// <param name="underHead">Whether names are those that they have in a class with a head.</param>
    internal static ModuleTree Of(IReadOnlyList<TensorInfo> tensors, ModelIdentity model, string source, Checkpoint? values, bool underHead = false)
    {
        ModuleNode root = Grow(tensors, model, underHead);
        ModuleNode[] nodes = [.. root.Walk()];
        TiedWeight? tied = ModelNames.TiedHead(model) is string head && EmbeddingOf(nodes) is ModuleNode embedding ? new(head, embedding.Name) : null;
        if (tied is not null && !nodes.Any(node => node.Name == tied.Head && node.Weight is not null))
        {
            // A head without a tensor has no module yet: it is made here, and the walk is taken anew.
            root.Find(tied.Head.Split('.')).TiedTo = EmbeddingOf(nodes);
            nodes = [.. root.Walk()];
        }

        bool readsText = EmbeddingOf(nodes) is not null;
        bool usesConv1D = ModuleKindRules.UsesConv1D(model.ModelType, nodes);
        StoredMatrixRules stored = new(model.Quantization, values);
        LoraModuleInfo[] modules = [.. nodes
            .Where(node => node.TiedTo is not null || node.Parameters.Count > 0)
            .SelectMany(node => ExpertParameters.AreIn(node) ? ExpertParameters.Describe(node, model.ModelType, source) : [ModuleDescription.Of(
                node, ModuleKindRules.IsRouter(model.ModelType, node) || ModuleKindRules.IsPrediction(model.Blocks, node.Name), readsText, usesConv1D, stored.Of(node.Parts), source)])];
        return new(model.ModelType, nodes, modules, tied);
    }

    private static ModuleNode Grow(IReadOnlyList<TensorInfo> tensors, ModelIdentity model, bool underHead)
    {
        ModuleNode root = new("", "");
        FamilyNames? names = model.ModelType is string type ? ModelNames.Find(type) : null;
        string prefix = ModelNames.MissingPrefix(model, tensors.Select(Named), underHead);
        foreach (TensorInfo tensor in tensors)
        {
            string name = Named(tensor);
            root.Add(ModelNames.IsOfHead(name) ? name : prefix + name, tensor);
        }

        return root;

        string Named(TensorInfo tensor) => names is null ? NameOf(tensor) : names.NameOf(NameOf(tensor));
    }

    /// <summary>A tensor's name in the model itself, also where the model was saved out of the wrapper of torch.compile.</summary>
    private static string NameOf(TensorInfo tensor)
    {
        const string Wrapper = "_orig_mod.";
        return tensor.Name.StartsWith(Wrapper, StringComparison.Ordinal) && tensor.Name.Length > Wrapper.Length ? tensor.Name[Wrapper.Length..] : tensor.Name;
    }

    /// <summary>The table that a head can share.</summary>
    private static ModuleNode? EmbeddingOf(IEnumerable<ModuleNode> nodes) =>
        nodes.FirstOrDefault(node => ModuleRole.IsTokenEmbedding(node.Name) && node.Weight is { Shape.Length: 2 });
}
