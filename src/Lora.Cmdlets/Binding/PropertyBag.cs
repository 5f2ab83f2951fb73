using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Reflection;

namespace Lora.Commands;

/// <summary>Makes the module's records again of hashtables and of what jobs, files and JSON made of them.</summary>
internal static class PropertyBag
{
    /// <summary>Whether an object has a configuration's properties.</summary>
    public static bool IsConfig(PSObject bag) => Members.Has(bag, nameof(LoraConfig.Rank)) && Members.Has(bag, nameof(LoraConfig.Alpha));

    /// <summary>The configuration that a hashtable describes; what it does not say has its default.</summary>
    /// <exception cref="LoraException">ConfigValueInvalid: every key that a configuration does not have, and every value that does not fit.</exception>
    public static LoraConfig ToConfig(IDictionary entries)
    {
        (string Name, object? Value)[] values = [.. entries.Cast<DictionaryEntry>().Select(entry => ($"{entry.Key}", entry.Value))];
        string[] known = [.. Properties<LoraConfig>().Select(property => property.Name)];
        return To<LoraConfig>(values, values
            .Where(entry => !known.Contains(entry.Name, StringComparer.OrdinalIgnoreCase))
            .Select(entry => new LoraProblem(LoraError.ConfigValueInvalid, entry.Name, "A key", $"'{entry.Name}'", $"one of {string.Join(", ", known)}")));
    }

    /// <summary>The configuration that an object was; what else the object has, as a job's PSComputerName, is passed over.</summary>
    /// <exception cref="LoraException">ConfigValueInvalid: every value that does not fit.</exception>
    public static LoraConfig ToConfig(PSObject bag) => To<LoraConfig>(Values(bag), []);

    /// <summary>The module that an object was.</summary>
    /// <exception cref="LoraException">ConfigValueInvalid: every value that does not fit.</exception>
    public static LoraModuleInfo ToModule(PSObject bag) => To<LoraModuleInfo>(Values(bag), []);

    private static IEnumerable<(string Name, object? Value)> Values(PSObject bag) => bag.Properties.Select(property => (property.Name, Members.Of(bag, property.Name)));

    private static PropertyInfo[] Properties<T>() => [.. typeof(T).GetProperties().Where(property => property.GetSetMethod(nonPublic: true) is not null)];

    private static T To<T>(IEnumerable<(string Name, object? Value)> values, IEnumerable<LoraProblem> found)
        where T : new()
    {
        T made = new();
        List<LoraProblem> problems = [.. found];
        foreach ((string name, object? value) in values)
        {
            PropertyInfo? property = Properties<T>().FirstOrDefault(known => known.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
            if (property is null || value is null)
            {
                continue;
            }

            if (TryConvert(property, value, out object? converted))
            {
                property.SetValue(made, converted);
            }
            else
            {
                problems.Add(new(LoraError.ConfigValueInvalid, value, property.Name, $"'{value}'", $"a {property.PropertyType.Name}"));
            }
        }

        LoraException.ThrowIfAny(problems);
        return made;
    }

    private static bool TryConvert(PropertyInfo property, object value, out object? converted)
    {
        if (property.PropertyType == typeof(LoraPatternValue[]))
        {
            converted = PatternValues.Of(property.Name, value);
            return true;
        }

        return LanguagePrimitives.TryConvertTo(value, property.PropertyType, CultureInfo.InvariantCulture, out converted);
    }
}
