using System.Management.Automation;

namespace Lora.Commands;

/// <summary>What a user gave where targets are meant: a module of Get-LoraModule, or what <see cref="ConfigArgument"/> takes for a configuration.</summary>
public sealed record TargetArgument : Argument
{
    /// <summary>The module; null for a configuration.</summary>
    internal LoraModuleInfo? Module => Value switch
    {
        LoraModuleInfo module => module,
        PSObject bag when IsModule(bag) => PropertyBag.ToModule(bag),
        _ => null,
    };

    /// <summary>The configuration, when it is no module.</summary>
    internal ConfigArgument Config => new() { Value = Value };

    /// <summary>Whether an object is a module, or what a job or JSON made of one.</summary>
    internal static bool IsModule(object value) => value is LoraModuleInfo || (value is PSObject bag && Members.Has(bag, "Role") && Members.Has(bag, "Kind"));
}
