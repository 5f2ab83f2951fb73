using Lora.Checkpoints;
using Lora.Selection;

namespace Lora.Commands;

/// <summary>Checks a configuration against its model's headers, when it knows its model, so that a wrong name is found when it is typed.</summary>
internal static class ModelCheck
{
    /// <summary>Resolves the targets and forgets them.</summary>
    /// <exception cref="LoraException">TargetNotFound with the nearest names, NoTargets, or TargetKindUnsupported.</exception>
    public static void Run(LoraConfig config)
    {
        if (config.Model is string model)
        {
            ModuleTree tree = ModuleTree.Read(model);
            TargetResolver.Resolve(config, tree.Modules, tree.Containers, tree.ModelType);
        }
    }
}
