using System.Globalization;

namespace Lora.Selection;

/// <summary>Why nothing is left to adapt.</summary>
internal static class NoTargetsReason
{
    public static string Of(LoraConfig config, IReadOnlyCollection<TargetDecision> decisions)
    {
        int excluded = decisions.Count(decision => decision.Outcome == TargetOutcome.Excluded);
        // PEFT's four reasons of NoMatchingPeftModuleError, and the layers besides, which it only hints at.
        if (decisions.Count > 0 && excluded == decisions.Count)
        {
            return "every module is excluded";
        }

        if ((config.Module ?? config.TargetModule) is { Length: 0 })
        {
            return "the list of targets is empty";
        }

        if (decisions.FirstOrDefault(decision => decision.Rule == TargetRule.NoLayer) is TargetDecision unnumbered && !decisions.Any(decision => decision.Rule == TargetRule.OtherLayer))
        {
            return $"no layer number is found in '{unnumbered.Name}', where PEFT looks for one with two parts before it and one after, or after what LayersPattern names";
        }

        if (decisions.Where(decision => decision.Rule == TargetRule.OtherLayer).Select(decision => decision.Layer).OfType<int>().ToArray() is { Length: > 0 } layers)
        {
            return string.Create(
                CultureInfo.InvariantCulture, $"what the targets match does not lie in the layers of LayersToTransform; its layers are {layers.Min()} to {layers.Max()}");
        }

        return excluded > 0 ? "what is not excluded is matched by no target" : "no target matches";
    }
}
