using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Turns a dictionary of patterns to numbers into the engine's ordered list.</summary>
internal static class PatternValues
{
    /// <summary>The entries in the dictionary's own order.</summary>
    /// <param name="parameter">The parameter's name, for messages.</param>
    /// <param name="patterns">Patterns to ranks or alphas.</param>
    /// <exception cref="LoraException">ConfigValueInvalid for a value that is no number.</exception>
    public static LoraPatternValue[] Of(string parameter, IDictionary patterns)
    {
        List<LoraProblem> problems = [];
        List<LoraPatternValue> values = [];
        foreach (DictionaryEntry entry in patterns)
        {
            if (LanguagePrimitives.TryConvertTo(entry.Value, CultureInfo.InvariantCulture, out double value))
            {
                values.Add(new() { Pattern = $"{entry.Key}", Value = value });
            }
            else
            {
                problems.Add(new(LoraError.ConfigValueInvalid, entry.Value, $"{parameter} '{entry.Key}'", $"{entry.Value}", "a number"));
            }
        }

        LoraException.ThrowIfAny(problems);
        return [.. values];
    }
}
