using Lora.Selection;

namespace Lora.Adapters;

/// <summary>One module or parameter to adapt, with everything resolved.</summary>
/// <param name="Module">The dotted name of the module in the base model.</param>
/// <param name="Rank">Width of the low-rank product, r.</param>
/// <param name="Scaling">The factor s of the product: alpha / r, or alpha / sqrt(r) under rsLoRA.</param>
internal sealed record AdapterTarget(string Module, int Rank, double Scaling)
{
    /// <summary>The parameter of the module that is adapted by itself (target_parameters); null where the module is.</summary>
    public string? Parameter { get; init; }

    /// <summary>How many wrappers of parameters that the class defines later PEFT puts around this one's.</summary>
    public int Depth { get; init; }

    /// <summary>The dotted name of what is adapted: the module's, or the parameter's.</summary>
    public string Name => Parameter is null ? Module : $"{Module}.{Parameter}";

    /// <summary>What stands before the names of its tensors in an adapter's file.</summary>
    public string Key => PeftKey.Nested(Module, Depth);

    /// <summary>The targets in the form that an adapter is made from.</summary>
    public static AdapterTarget[] Of(ResolvedTargets resolved)
    {
        // Each parameter's wrapper holds the one before it, so that the first that a class defines is the innermost.
        Dictionary<string, int> left = resolved.Targets.Where(target => target.Module.Parameter is not null).CountBy(target => target.Module.Owner).ToDictionary();
        return
        [
            .. resolved.Targets.Select(target => new AdapterTarget(target.Module.Owner, target.Rank, target.Scaling)
            {
                Parameter = target.Module.Parameter,
                Depth = target.Module.Parameter is null ? 0 : --left[target.Module.Owner],
            }),
        ];
    }
}
