using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Completes -TargetModule: names and dotted endings that hit modules which LoRA adapts, and no others.</summary>
public sealed class TargetModuleCompleter : ModuleCompleter
{
    internal override IEnumerable<CompletionResult> Complete(ModulePlace place)
    {
        KnownModules known = place.Known;
        LoraModuleInfo[] modules = [.. known.Adaptable.Where(module => module.Parameter is null)];
        // PEFT hits every module with such an ending, and fails at one that it cannot adapt.
        HashSet<string> refused = [.. known.Modules.Except(known.Adaptable).Where(module => module.Parameter is null).Select(module => module.Name).Concat(known.Containers).SelectMany(DottedName.Endings)];
        return DottedName.Complete(place.Word, modules.Select(module => module.Name), DottedName.Endings)
            .Where(entry => !refused.Contains(entry))
            .Select(entry => place.Word.Value(entry));
    }
}

/// <summary>Completes -TargetParameter: names and dotted endings of the weights of experts that are parameters of one module.</summary>
public sealed class TargetParameterCompleter : ModuleCompleter
{
    internal override IEnumerable<CompletionResult> Complete(ModulePlace place) =>
        DottedName.Complete(place.Word, place.Known.Modules.Where(module => module.Kind == LoraModuleKind.Expert).Select(module => module.Name), DottedName.Endings)
            .Select(entry => place.Word.Value(entry));
}

/// <summary>Completes -ExcludeModule: names and dotted endings of what the targets hit.</summary>
public sealed class ExcludeModuleCompleter : ModuleCompleter
{
    internal override IEnumerable<CompletionResult> Complete(ModulePlace place) =>
        DottedName.Complete(place.Word, place.Targets, DottedName.Endings).Select(entry => place.Word.Value(entry));
}

/// <summary>Completes -ModuleToSave: names and dotted endings of modules of any kind.</summary>
public sealed class ModuleToSaveCompleter : ModuleCompleter
{
    internal override IEnumerable<CompletionResult> Complete(ModulePlace place) =>
        DottedName.Complete(place.Word, place.Known.Modules.Select(module => module.Name), DottedName.Endings).Select(entry => place.Word.Value(entry));
}
