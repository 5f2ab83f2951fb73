using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Hub;
using Lora.Models;
using Lora.Quantization;
using Lora.Selection;

namespace Lora.Training;

/// <summary>What a configuration means for its model, told from headers and configuration alone.</summary>
internal static class ModelTargets
{
    /// <summary>The folder of a configuration's model; modules that were listed from one file name that file.</summary>
    /// <exception cref="LoraException">ModelNotKnown, ModelNotCached, PathNotFound or NotAModel.</exception>
    public static string Folder(LoraConfig config)
    {
        string path = config.Model ?? HubCache.Default.BaseOf(config);
        if (Directory.Exists(path))
        {
            return path;
        }

        CheckpointFiles.RefuseGguf(path);
        return File.Exists(path) ? Path.GetDirectoryName(Path.GetFullPath(path))! : throw LoraException.Of(LoraError.PathNotFound, path, path);
    }

    /// <summary>Finds the modules that are adapted, of a model that the engine can build.</summary>
    public static ResolvedTargets Resolve(LoraConfig config, string folder, bool allowUnmatched)
    {
        // A model that the engine cannot build is refused here, by name.
        TaskShape shape = TaskReader.Read(folder, config.TaskType);
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        ModuleTree tree = ModuleTree.Of(checkpoint, underHead: shape is not ModelShape);
        LoraException.ThrowIfAny([.. QuantizedCheckpoint.Problems(tree, folder)]);
        TaskModules modules = TaskModules.Of(shape, tree, folder);

        // What is made new is trained, whatever PEFT's classes add: a pooler that nobody trains would be noise for ever.
        string[] added = [.. modules.New.Where(name => config.ModulesToSave?.Any(entry => SavedModules.Holds(entry, name)) != true)];
        LoraConfig meant = added.Length == 0 ? config : config with { ModulesToSave = [.. config.ModulesToSave ?? [], .. added] };
        ResolvedTargets resolved = TargetResolver.Resolve(meant, modules.Modules, modules.Containers, tree.ModelType, allowUnmatched);
        LoraException.ThrowIfAny([.. shape is ModelShape ? TextPath.Problems(resolved.Decisions) : []]);
        return resolved;
    }

    /// <summary>The targets in the form that an adapter is made from.</summary>
    public static AdapterTarget[] ForAdapter(ResolvedTargets resolved) => AdapterTarget.Of(resolved);
}
