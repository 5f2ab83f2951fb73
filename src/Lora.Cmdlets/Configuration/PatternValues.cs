using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Turns what says other ranks or alphas for some modules into the engine's ordered list.</summary>
internal static class PatternValues
{
    /// <summary>The entries in their own order.</summary>
    /// <param name="parameter">The parameter's name, for messages.</param>
    /// <param name="given">A dictionary of patterns to numbers, or a list of LoraPatternValue or of what jobs and JSON made of them.</param>
    /// <exception cref="LoraException">ConfigValueInvalid for a value that is no number.</exception>
    public static LoraPatternValue[] Of(string parameter, object given)
    {
        List<LoraProblem> problems = [];
        List<LoraPatternValue> values = [];
        foreach ((object? pattern, object? number) in Pairs(given))
        {
            if (pattern is not null && LanguagePrimitives.TryConvertTo(number, CultureInfo.InvariantCulture, out double value))
            {
                values.Add(new() { Pattern = $"{pattern}", Value = value });
            }
            else
            {
                problems.Add(new(LoraError.ConfigValueInvalid, number, $"{parameter} '{pattern}'", $"{number}", "a number"));
            }
        }

        LoraException.ThrowIfAny(problems);
        return [.. values];
    }

    private static IEnumerable<(object? Pattern, object? Number)> Pairs(object given) => given is IDictionary patterns
        ? patterns.Cast<DictionaryEntry>().Select(entry => (Pattern: (object?)entry.Key, Number: entry.Value))
        : (LanguagePrimitives.GetEnumerable(given) ?? new[] { given }).Cast<object>().Select(Pair);

    private static (object? Pattern, object? Number) Pair(object entry)
    {
        object plain = Argument.Plain(entry)!;
        // What a job leaves of an entry is its text; a pattern may have an = of its own, as in (?=...).
        return plain is string text && text.LastIndexOf('=') is int sign and >= 0
            ? (text[..sign], text[(sign + 1)..])
            : (Members.Of(plain, nameof(LoraPatternValue.Pattern)), Members.Of(plain, nameof(LoraPatternValue.Value)));
    }
}
