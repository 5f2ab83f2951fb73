namespace Lora.Selection;

/// <summary>What becomes of a module.</summary>
public enum TargetOutcome
{
    /// <summary>No target matches it.</summary>
    NoMatch,

    /// <summary>It is adapted.</summary>
    Match,

    /// <summary>It is left alone, whatever the targets say.</summary>
    Excluded,
}
