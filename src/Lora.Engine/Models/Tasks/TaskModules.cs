using Lora.Checkpoints;

namespace Lora.Models;

/// <summary>The modules that a model has for its task, told from the headers of a checkpoint that may be of another class.</summary>
/// <param name="Modules">Those that hold tensors.</param>
/// <param name="Containers">The names of those that hold others.</param>
/// <param name="New">The names of those that the checkpoint lacks.</param>
internal sealed record TaskModules(IReadOnlyList<LoraModuleInfo> Modules, IReadOnlyList<string> Containers, IReadOnlyList<string> New)
{
    /// <summary>The modules of a model for a task as far as it is known; of one that the engine does not compute, those of its files.</summary>
    /// <param name="model">A model's folder, a .safetensors file, or a shard index.</param>
    /// <param name="taskType">PEFT's name of the task; null for what the class is for.</param>
    /// <returns>The modules, and config.json's model_type.</returns>
    /// <exception cref="LoraException">The model's files cannot be read.</exception>
    public static (TaskModules Modules, string? ModelType) Read(string model, string? taskType)
    {
        using Checkpoint checkpoint = Checkpoint.Open(model);
        TaskShape? shape = ShapeOf(checkpoint.Folder, taskType);
        ModuleTree tree = ModuleTree.Of(checkpoint, underHead: shape is not (null or ModelShape));
        return (shape is null ? new(tree.Modules, tree.Containers, []) : Of(shape, tree, model), tree.ModelType);
    }

    /// <summary>Tells them.</summary>
    /// <param name="shape">The model for the task.</param>
    /// <param name="tree">The checkpoint's modules, named as under a head.</param>
    /// <param name="model">The model's folder.</param>
    public static TaskModules Of(TaskShape shape, ModuleTree tree, string model)
    {
        if (shape is ModelShape or SequenceToSequenceShape)
        {
            return new(tree.Modules, tree.Containers, []);
        }

        HashSet<string> heads = [.. shape.Heads.Select(head => head.Name)];
        LoraModuleInfo[] own = [.. tree.Modules.Where(module => heads.Contains(module.Name) || !IsOfHead(module.Name))];
        HeadModule[] missing = [.. shape.Heads.Where(head => head.IsNew && !own.Any(module => module.Name == head.Name))];
        LoraModuleInfo[] modules = [.. own, .. missing.Select(head => Describe(head, model))];
        return new(modules, [.. modules.SelectMany(module => Above(module.Name)).Distinct(StringComparer.Ordinal)], [.. missing.Select(head => head.Name)]);
    }

    /// <summary>Whether a module belongs to the head of some class.</summary>
    public static bool IsOfHead(string name) => ModelNames.IsOfHead(name) || $".{name}.".Contains(".pooler.", StringComparison.Ordinal);

    private static TaskShape? ShapeOf(string? folder, string? taskType)
    {
        try
        {
            return folder is null ? null : TaskReader.Read(folder, taskType);
        }
        catch (LoraException)
        {
            return null; // modules are listed of any model, and a training says what is wrong with this one
        }
    }

    private static IEnumerable<string> Above(string name)
    {
        for (int dot = name.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = name.IndexOf('.', dot + 1))
        {
            yield return name[..dot];
        }
    }

    private static LoraModuleInfo Describe(HeadModule head, string model) => new()
    {
        Name = head.Name,
        Kind = LoraModuleKind.Linear,
        Shape = [head.Outputs, head.Inputs],
        InFeatures = head.Inputs,
        OutFeatures = head.Outputs,
        DataType = TensorDataType.F32.ToName(),
        ParameterCount = ((long)head.Outputs * head.Inputs) + (head.HasBias ? head.Outputs : 0),
        Role = head.Name[(head.Name.LastIndexOf('.') + 1)..],
        Model = model,
    };
}
