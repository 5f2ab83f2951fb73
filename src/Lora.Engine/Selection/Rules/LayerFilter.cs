using System.Collections.Frozen;
using System.Globalization;

namespace Lora.Selection;

/// <summary>PEFT's layers_to_transform and layers_pattern: whether the number of the layer that a module lies in was asked for.</summary>
internal sealed class LayerFilter
{
    private readonly FrozenSet<int> layers;
    private readonly PythonRegex[] patterns;

    /// <param name="layers">The numbers asked for.</param>
    /// <param name="patterns">What precedes the number; with none it is the first all-digit part that has two parts before it and one after.</param>
    /// <exception cref="LoraException">PatternInvalid.</exception>
    public LayerFilter(IEnumerable<int> layers, IReadOnlyList<string> patterns)
    {
        this.layers = layers.ToFrozenSet();
        this.patterns = patterns.Count == 0 ? [PythonRegex.Spliced(@".*?\.", "[^.]*", @"\.(\d+)\.")] : [.. patterns.Select(Compile)];
    }

    /// <summary>Makes the filter of a configuration; null when all layers are meant.</summary>
    public static LayerFilter? Of(LoraConfig config) =>
        // PEFT takes an empty list for no filter, not for one that nothing passes.
        config.LayersToTransform is { Length: > 0 } layers ? new(layers, config.LayersPattern ?? []) : null;

    /// <summary>Makes the pattern that finds a layer's number.</summary>
    /// <exception cref="LoraException">PatternInvalid: also for what would put something else into PEFT's group of the number.</exception>
    public static PythonRegex Compile(string pattern)
    {
        PatternTranslator alone = new(pattern, pattern);
        // PEFT reads the number from the first group of the whole, and ends in a TypeError where that is another or empty.
        if (alone.GroupCount > 0 || alone.HasOuterAlternation)
        {
            throw LoraException.Of(LoraError.PatternInvalid, pattern, pattern, "a layers pattern has no groups and alternatives of its own; write them as (?:a|b)");
        }

        return PythonRegex.Spliced(@".*?\.", pattern, @"\.(\d+)\.");
    }

    /// <summary>The number of the layer that the first fitting pattern finds, or null.</summary>
    public int? LayerOf(string name)
    {
        foreach (PythonRegex pattern in patterns)
        {
            if (pattern.FirstGroup(name) is string digits)
            {
                return Number(digits);
            }
        }

        return null;
    }

    /// <summary>Whether a layer was asked for.</summary>
    public bool Includes(int layer) => layers.Contains(layer);

    /// <summary>The number that digits of any script are, as Python's int() reads them; null where it is beyond any layer's.</summary>
    private static int? Number(string digits)
    {
        long number = 0;
        for (int place = 0; place < digits.Length; place += char.IsSurrogatePair(digits, place) ? 2 : 1)
        {
            number = (number * 10) + CharUnicodeInfo.GetDecimalDigitValue(digits, place);
            if (number > int.MaxValue)
            {
                return null;
            }
        }

        return (int)number;
    }
}
