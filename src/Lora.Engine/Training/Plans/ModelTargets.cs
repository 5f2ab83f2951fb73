using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using Lora.Quantization;
using Lora.Selection;

namespace Lora.Training;

/// <summary>What a configuration means for its model, told from headers and configuration alone.</summary>
internal static class ModelTargets
{
    /// <summary>The folder of a configuration's model; modules that were listed from one file name that file.</summary>
    /// <exception cref="LoraException">ModelNotKnown or PathNotFound.</exception>
    public static string Folder(LoraConfig config)
    {
        string path = config.Model ?? throw LoraException.Of(LoraError.ModelNotKnown, config);
        return Directory.Exists(path) ? path
            : File.Exists(path) ? Path.GetDirectoryName(Path.GetFullPath(path))!
            : throw LoraException.Of(LoraError.PathNotFound, path, path);
    }

    /// <summary>Finds the modules that are adapted, of a model that the engine can build.</summary>
    public static ResolvedTargets Resolve(LoraConfig config, string folder, bool allowUnmatched)
    {
        // Its result is not asked for: a model that the engine cannot build is refused here, by name.
        ModelConfigReader.Read(folder);
        ModuleTree tree = ModuleTree.Read(folder);
        LoraException.ThrowIfAny([.. QuantizedCheckpoint.Problems(tree, folder)]);
        return TargetResolver.Resolve(config, tree.Modules, tree.Containers, tree.ModelType, allowUnmatched);
    }

    /// <summary>The targets in the form that an adapter is made from.</summary>
    public static AdapterTarget[] ForAdapter(ResolvedTargets resolved) => AdapterTarget.Of(resolved);
}
