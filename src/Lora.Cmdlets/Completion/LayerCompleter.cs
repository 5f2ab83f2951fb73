using System.Globalization;
using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Completes -Layer with the numbers of the blocks that are there.</summary>
public sealed class LayerCompleter : ModuleCompleter
{
    internal override IEnumerable<CompletionResult> Complete(ModulePlace place) => place.Known.Adaptable
        .Select(module => module.Layer)
        .OfType<int>()
        .Distinct()
        .Order()
        .Select(layer => layer.ToString(CultureInfo.InvariantCulture))
        .Where(place.Word.Begins)
        .Select(layer => place.Word.Value(layer));
}

/// <summary>Completes -LayerPattern with the name parts that stand before a block's number.</summary>
public sealed class LayerPatternCompleter : ModuleCompleter
{
    // PEFT asks for a part before the pattern, and one after the number.
    internal override IEnumerable<CompletionResult> Complete(ModulePlace place) => place.Known.Adaptable
        .Select(module => module.Name.Split('.'))
        .SelectMany(parts => Enumerable.Range(1, Math.Max(parts.Length - 3, 0)).Where(index => IsNumber(parts[index + 1])).Select(index => parts[index]))
        .Distinct()
        .Where(place.Word.Begins)
        .Select(part => place.Word.Value(part));

    private static bool IsNumber(string part) => part.All(char.IsAsciiDigit);
}
