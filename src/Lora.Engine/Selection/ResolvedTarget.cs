namespace Lora.Selection;

/// <summary>A module or parameter that is adapted, with what its own patterns say.</summary>
/// <param name="Module">The module, or the parameter.</param>
/// <param name="Rank">Its rank.</param>
/// <param name="Alpha">Its alpha.</param>
/// <param name="Scaling">The factor of B A x.</param>
public sealed record ResolvedTarget(LoraModuleInfo Module, int Rank, double Alpha, double Scaling)
{
    /// <inheritdoc/>
    public override string ToString() => Module.Name;
}
