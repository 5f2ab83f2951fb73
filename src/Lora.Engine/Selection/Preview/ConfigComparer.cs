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
        (LoraTargetInfo Left, LoraTargetInfo Right)[] pairs = [.. left.Targets.Zip(right.Targets)];
        return new()
        {
            Model = model,
            Difference = [.. pairs.Where(pair => !IsSame(pair.Left, pair.Right)).Select(pair => new LoraConfigDifference
            {
                Name = pair.Left.Name,
                SideIndicator = pair switch
                {
                    { Left.Targeted: true, Right.Targeted: false } => "<=",
                    { Left.Targeted: false, Right.Targeted: true } => "=>",
                    _ => "<>",
                },
                Reference = pair.Left,
                Difference = pair.Right,
            })],
            EqualCount = pairs.Count(pair => pair.Left.Targeted && IsSame(pair.Left, pair.Right)),
            ReferenceParameter = left.ParameterCount,
            DifferenceParameter = right.ParameterCount,
        };
    }

    private static bool IsSame(LoraTargetInfo left, LoraTargetInfo right) =>
        // Alpha is not among them: with another rank it may mean the same scaling.
        (left.Targeted, left.Rank, left.Scaling, left.ParameterCount) == (right.Targeted, right.Rank, right.Scaling, right.ParameterCount);
}
