using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Reflection;

namespace Lora.Commands;

/// <summary>Makes the engine's objects again of hashtables and of what jobs, files and JSON made of them.</summary>
internal static class PropertyBag
{
    /// <summary>Whether an object has a configuration's properties.</summary>
    public static bool IsConfig(PSObject bag) => Members.Has(bag, nameof(LoraConfig.Rank)) && Members.Has(bag, nameof(LoraConfig.Alpha));

    /// <summary>The configuration that a hashtable describes; what it does not say has its default.</summary>
    /// <exception cref="LoraException">ConfigValueInvalid: every key that a configuration does not have, and every value that does not fit.</exception>
    public static LoraConfig ToConfig(IDictionary entries) => (LoraConfig)Make(typeof(LoraConfig), entries);

    /// <summary>The configuration that an object was; what else the object has, as a job's PSComputerName, is passed over.</summary>
    /// <exception cref="LoraException">ConfigValueInvalid: every value that does not fit.</exception>
    public static LoraConfig ToConfig(PSObject bag) => (LoraConfig)Make(typeof(LoraConfig), bag, isOtherPassed: true);

    /// <summary>The module that an object was.</summary>
    /// <exception cref="LoraException">ConfigValueInvalid: every value that does not fit.</exception>
    public static LoraModuleInfo ToModule(PSObject bag) => (LoraModuleInfo)Make(typeof(LoraModuleInfo), bag, isOtherPassed: true);

    /// <summary>The object of a type that a hashtable describes.</summary>
    /// <exception cref="LoraException">ConfigValueInvalid: every key that cannot be given, and every value that does not fit.</exception>
    public static object Make(Type type, IDictionary entries)
    {
        // A table that has all of them is a whole object, as ConvertFrom-Json -AsHashtable gives it: what follows from others is in it too.
        PropertyInfo[] given = Given(type);
        bool isWhole = given.All(property => entries.Contains(property.Name));
        return Make(type, [.. entries.Cast<DictionaryEntry>().Select(entry => ($"{entry.Key}", entry.Value))], isWhole ? type.GetProperties() : given);
    }

    /// <summary>The object of a type that an object was. What follows from other properties is there and need not be given.</summary>
    /// <param name="type">The type.</param>
    /// <param name="bag">The object.</param>
    /// <param name="isOtherPassed">Whether properties that the type does not have are passed over.</param>
    /// <exception cref="LoraException">ConfigValueInvalid: every property that the type does not have, and every value that does not fit.</exception>
    public static object Make(Type type, PSObject bag, bool isOtherPassed) => Make(
        type, [.. bag.Properties.Select(property => (property.Name, Members.Of(bag, property.Name)))], isOtherPassed ? null : type.GetProperties());

    private static PropertyInfo[] Given(Type type) => [.. type.GetProperties().Where(property => property.CanWrite)];

    private static object Make(Type type, (string Name, object? Value)[] values, PropertyInfo[]? known)
    {
        object made = Activator.CreateInstance(type)!;
        List<LoraProblem> problems = [];
        foreach ((string name, object? value) in values)
        {
            if (known?.Any(property => property.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) == false)
            {
                problems.Add(new(LoraError.ConfigValueInvalid, name, "A key", $"'{name}'", $"one of {string.Join(", ", Given(type).Select(property => property.Name))}"));
            }
            else if (ReadOnlyProperties.Find(type, name) is { CanWrite: true } property && !IsLeftBehind(property, value))
            {
                Set(made, property, value, problems);
            }
        }

        LoraException.ThrowIfAny(problems);
        return made;
    }

    // An adapter's values do not leave a job: -OutputPath writes them.
    private static bool IsLeftBehind(PropertyInfo property, object? value) => property.PropertyType == typeof(LoraAdapter) && value is not LoraAdapter;

    private static void Set(object made, PropertyInfo property, object? value, List<LoraProblem> problems)
    {
        if (TryConvert(property, value, out object? converted))
        {
            // By reflection, which calls an init accessor at any time; to the shell the properties of these objects cannot be set.
            property.SetValue(made, converted);
        }
        else
        {
            problems.Add(new(LoraError.ConfigValueInvalid, value, property.Name, $"'{value}'", $"a {property.PropertyType.Name}"));
        }
    }

    /// <summary>Makes of a value what a property takes.</summary>
    public static bool TryConvert(PropertyInfo property, object? value, out object? converted)
    {
        Type type = property.PropertyType;
        // The shell makes an empty text or a zero of null.
        if (value is null && new NullabilityInfoContext().Create(property).WriteState == NullabilityState.Nullable)
        {
            converted = null;
            return true;
        }

        // A table of patterns, and the text 'pattern=number' that a job leaves of an entry, say nothing to the shell's conversion.
        if (type == typeof(LoraPatternValue[]) && value is not null)
        {
            converted = PatternValues.Of(property.Name, value);
            return true;
        }

        if (type == typeof(LoraTrainableToken[]) && value is not null)
        {
            converted = TrainableTokens.OfProperty(value);
            return true;
        }

        // Culture: 0.5 and 1e-4 are written with a point wherever the shell runs.
        Type? item = ItemOf(type);
        bool isConverted = LanguagePrimitives.TryConvertTo(value, item?.MakeArrayType() ?? type, CultureInfo.InvariantCulture, out converted);
        converted = isConverted && item is not null ? Activator.CreateInstance(type, converted) : converted;
        return isConverted;
    }

    // The engine's own lists are made of arrays.
    private static Type? ItemOf(Type type) =>
        type == typeof(LoraShape) ? typeof(long)
        : type.IsGenericType && type.GetGenericTypeDefinition() == typeof(LoraList<>) ? type.GetGenericArguments()[0]
        : null;
}
