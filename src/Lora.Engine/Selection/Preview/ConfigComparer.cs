namespace Lora.Selection;

/// <summary>Compares what two configurations do to a model.</summary>
public static class ConfigComparer
{
    /// <summary>Compares them module by module.</summary>
    /// <param name="reference">The one to compare with.</param>
    /// <param name="other">The one to compare.</param>
    /// <param name="model">A model's folder, a .safetensors file, or a shard index.</param>
    /// <exception cref="LoraException">The model cannot be read, or a configuration cannot be resolved on it.</exception>
    public static LoraConfigComparison Compare(LoraConfig reference, LoraConfig other, string model)
    {
        TargetPreview left = TargetPreview.Of(reference, model);
        TargetPreview right = TargetPreview.Of(other, model);
        // By name: with another task a model has another head.
        ILookup<string, LoraTargetInfo> lefts = left.Targets.ToLookup(target => target.Name, StringComparer.Ordinal);
        ILookup<string, LoraTargetInfo> rights = right.Targets.ToLookup(target => target.Name, StringComparer.Ordinal);
        (LoraTargetInfo? Left, LoraTargetInfo? Right)[] pairs =
            [.. lefts.Concat(rights).Select(named => named.Key).Distinct().Select(name => (lefts[name].FirstOrDefault(), rights[name].FirstOrDefault()))];
        return new()
        {
            Model = model,
            Difference = [.. pairs.Where(pair => !IsSame(pair.Left, pair.Right)).Select(pair => new LoraConfigDifference
            {
                Name = (pair.Left ?? pair.Right)!.Name,
                SideIndicator = pair switch
                {
                    { Right: null } or { Left.Targeted: true, Right.Targeted: false } => "<=",
                    { Left: null } or { Left.Targeted: false, Right.Targeted: true } => "=>",
                    _ => "<>",
                },
                Reference = pair.Left,
                Difference = pair.Right,
            })],
            EqualCount = pairs.Count(pair => pair.Left is { Targeted: true } && IsSame(pair.Left, pair.Right)),
            ReferenceParameter = left.ParameterCount,
            DifferenceParameter = right.ParameterCount,
        };
    }

    /// <summary>Whether they come to the same; a module that a model has not is as one that stays as it is.</summary>
    private static bool IsSame(LoraTargetInfo? left, LoraTargetInfo? right) =>
        // Alpha is not among them: with another rank it may mean the same scaling.
        (left?.Targeted ?? false, left?.Rank, left?.Scaling, left?.ParameterCount ?? 0) == (right?.Targeted ?? false, right?.Rank, right?.Scaling, right?.ParameterCount ?? 0);
}
