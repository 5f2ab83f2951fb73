namespace Lora.Selection;

/// <summary>The rule that decided about a module, in the order in which they are asked.</summary>
public enum TargetRule
{
    /// <summary>An entry of ExcludeModule equals the name or is its ending.</summary>
    ExcludeModule,

    /// <summary>ExcludePattern matches the whole name.</summary>
    ExcludePattern,

    /// <summary>The module, or one that holds it, is trained whole.</summary>
    ModulesToSave,

    /// <summary>An entry of TargetParameter equals the name of a parameter or is its ending; such entries are asked apart from all others.</summary>
    TargetParameter,

    /// <summary>TargetPattern matches the whole name.</summary>
    TargetPattern,

    /// <summary>A target equals the name; the layer is not asked for.</summary>
    TargetName,

    /// <summary>A target is the name's ending.</summary>
    TargetEnding,

    /// <summary>A target is the name's ending, but the layer was not asked for.</summary>
    OtherLayer,

    /// <summary>A target is the name's ending, but the name has no layer number.</summary>
    NoLayer,

    /// <summary>No target matches.</summary>
    NoTarget,
}
