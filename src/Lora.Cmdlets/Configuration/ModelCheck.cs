using Lora.Selection;

namespace Lora.Commands;

/// <summary>Checks a configuration against its model's headers, when it knows its model, so that a wrong name is found when it is typed.</summary>
internal static class ModelCheck
{
    /// <summary>Resolves the targets and forgets them.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="allowUnmatched">Whether entries that match nothing are warned of in place of an error.</param>
    /// <param name="warn">Writes a warning.</param>
    /// <exception cref="LoraException">TargetNotFound with the nearest names, NoTargets, or TargetKindUnsupported.</exception>
    public static void Run(LoraConfig config, bool allowUnmatched, Action<string> warn)
    {
        if (config.Model is string model)
        {
            ResolvedTargets resolved = TargetPreview.Resolve(config, model, allowUnmatched);
            foreach (LoraProblem warning in allowUnmatched ? resolved.Warnings : [])
            {
                warn(warning.Message);
            }
        }
    }
}
