using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Reflection;
using Lora.Training;

namespace Lora.Commands;

/// <summary>Values of points by the names of parameters of New-LoraConfig and Invoke-LoraTraining, as the engine takes them. Texts, as CSV has them, are read.</summary>
internal static class SweepValues
{
    /// <summary>The names that name files and folders, which the command finds.</summary>
    private static readonly string[] Places = [nameof(InvokeLoraSweepCommand.Dataset), nameof(InvokeLoraSweepCommand.Model)];

    // A parameter may have the engine's name as an alias: Layer is LayersToTransform.
    private static readonly Dictionary<string, (string Parameter, string Property)> Spellings = new(StringComparer.OrdinalIgnoreCase);

    static SweepValues()
    {
        foreach (PropertyInfo parameter in new[] { typeof(ConfigCmdlet), typeof(TrainingCmdlet) }.SelectMany(type => type.GetProperties()).Where(property => property.IsDefined(typeof(ParameterAttribute))))
        {
            string[] spellings = [parameter.Name, .. parameter.GetCustomAttribute<AliasAttribute>()?.AliasNames ?? []];
            string? property = spellings.FirstOrDefault(SweepParameters.Known.ContainsKey);
            foreach (string spelling in property is null ? [] : spellings)
            {
                Spellings[spelling] = (parameter.Name, SweepParameters.Known[property!].Name);
            }
        }

        foreach (string name in SweepParameters.Known.Keys)
        {
            Spellings.TryAdd(name, (name, name));
        }

        Names = [.. Spellings.Values.Select(spelling => spelling.Parameter).Concat(Places).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>The names that may be given, as parameters have them.</summary>
    public static IReadOnlyCollection<string> Names { get; }

    /// <summary>Refuses names that nobody knows, all together.</summary>
    /// <exception cref="LoraException">SweepValueInvalid.</exception>
    public static void CheckNames(IEnumerable<string> names) =>
        LoraException.ThrowIfAny(SweepParameters.Unknown(names.Where(name => !Spellings.ContainsKey(name)), Names));

    /// <summary>Whether a name is that of a place.</summary>
    public static bool IsPlace(string name) => Places.Contains(name, StringComparer.OrdinalIgnoreCase);

    /// <summary>The values, each with the parameter's name and the engine's. What is empty is not given.</summary>
    /// <param name="given">Known names and values.</param>
    /// <exception cref="LoraException">SweepValueInvalid: every value that does not fit.</exception>
    public static IReadOnlyList<(string Parameter, string Property, object? Value)> Read(IEnumerable<(string Name, object? Value)> given)
    {
        List<LoraProblem> problems = [];
        IReadOnlyList<(string Parameter, string Property, object? Value)> values = Read(given, problems);
        LoraException.ThrowIfAny(problems);
        return values;
    }

    /// <summary>What does not fit of values, all together.</summary>
    /// <param name="given">Known names and values.</param>
    public static IReadOnlyList<LoraProblem> Problems(IEnumerable<(string Name, object? Value)> given)
    {
        List<LoraProblem> problems = [];
        Read(given, problems);
        return problems;
    }

    private static List<(string Parameter, string Property, object? Value)> Read(IEnumerable<(string Name, object? Value)> given, List<LoraProblem> problems)
    {
        List<(string Parameter, string Property, object? Value)> values = [];
        foreach ((string name, object? value) in given.Where(entry => entry.Value is not (null or "") && entry.Name != SweepPoint.ConfigKey))
        {
            if (Places.FirstOrDefault(place => place.Equals(name, StringComparison.OrdinalIgnoreCase)) is string place)
            {
                values.Add((place, place, value));
                continue;
            }

            (string parameter, string property) = Spellings[name];
            if (TryRead(SweepParameters.Known[property], value!, out object? read))
            {
                values.Add((parameter, property, read));
            }
            else
            {
                problems.Add(new(LoraError.SweepValueInvalid, value, parameter, $"'{SweepPoint.TextOf(value)}' is not {Kind(SweepParameters.Known[property].PropertyType)}"));
            }
        }

        return values;
    }

    private static bool TryRead(PropertyInfo property, object value, out object? read)
    {
        Type type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        if (type == typeof(NameDictionary) && value is IDictionary table)
        {
            read = DatasetCmdlet.Names(table);
            return true;
        }

        if (value is string text)
        {
            // The shell takes every text for true, and "0,1" for the number 1.
            if (type == typeof(bool))
            {
                bool isTruth = bool.TryParse(text, out bool truth);
                read = truth;
                return isTruth;
            }

            value = type.IsArray ? text.Split([',', ';'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) : text.Trim();
        }

        return PropertyBag.TryConvert(property, value, out read);
    }

    private static string Kind(Type type)
    {
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        return plain.IsEnum ? $"one of {string.Join(", ", Enum.GetNames(plain))}"
            : plain.IsArray ? $"a list of {plain.GetElementType()!.Name}"
            : plain == typeof(bool) ? "true or false"
            : plain == typeof(string) ? "a text"
            : string.Create(CultureInfo.InvariantCulture, $"a number ({plain.Name})");
    }
}
