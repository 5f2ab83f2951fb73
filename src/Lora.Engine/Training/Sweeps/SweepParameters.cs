using System.Reflection;

namespace Lora.Training;

/// <summary>The names that a point of a sweep may give values: those of a configuration, and of all options that change what a run learns.</summary>
public static class SweepParameters
{
    // Of a configuration these come from a file or say where it lies.
    private static readonly string[] Passed = [nameof(LoraConfig.Model), nameof(LoraConfig.BaseModelNameOrPath), nameof(LoraConfig.Revision), nameof(LoraConfig.OtherKeys)];

    // An adapter that is gone on with is no value of a table.
    private static readonly string[] Unswept = [nameof(TrainingOptions.Data), nameof(TrainingOptions.Adapter)];

    // Each takes the place of the others, as targets do in a command that changes a configuration.
    private static readonly string[][] Alternatives =
    [
        [nameof(LoraConfig.Module), nameof(LoraConfig.TargetModule), nameof(LoraConfig.TargetPattern)],
        [nameof(LoraConfig.ExcludeModule), nameof(LoraConfig.ExcludePattern)],
    ];

    /// <summary>The properties of <see cref="LoraConfig"/>, <see cref="TrainingOptions"/> and <see cref="DataOptions"/> that may be given, by their names.</summary>
    public static IReadOnlyDictionary<string, PropertyInfo> Known { get; } = new[]
    {
        Settable(typeof(LoraConfig)).Where(property => !Passed.Contains(property.Name)),
        Settable(typeof(TrainingOptions)).Where(property => !Unswept.Contains(property.Name) && !RunIdentity.Free.ContainsKey(property.Name)),
        Settable(typeof(DataOptions)),
    }.SelectMany(properties => properties).ToDictionary(property => property.Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>A configuration and options with some values in place of their own.</summary>
    /// <param name="config">The configuration; it stays as it is.</param>
    /// <param name="options">The options; they stay as they are.</param>
    /// <param name="values">Values of the properties' types, by the names in <see cref="Known"/>.</param>
    public static (LoraConfig Config, TrainingOptions Options) Apply(LoraConfig config, TrainingOptions options, IEnumerable<KeyValuePair<string, object?>> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        // Copies, since reflection sets init properties of whatever object it is given.
        LoraConfig changed = config with { };
        DataOptions rows = options.Data with { };
        TrainingOptions trained = options with { Data = rows };
        foreach ((string name, object? value) in values.Where(value => value.Key != SweepPoint.ConfigKey))
        {
            PropertyInfo property = Known[name];
            object holder = property.DeclaringType == typeof(LoraConfig) ? changed : property.DeclaringType == typeof(DataOptions) ? rows : trained;
            foreach (string other in Alternatives.Where(names => names.Contains(property.Name)).SelectMany(names => names))
            {
                typeof(LoraConfig).GetProperty(other)!.SetValue(changed, null);
            }

            property.SetValue(holder, value);
        }

        return (changed, trained);
    }

    /// <summary>The names that nobody knows, all together, each with the nearest that is known.</summary>
    /// <param name="names">The names that were given.</param>
    /// <param name="known">Those that may be given.</param>
    public static IReadOnlyList<LoraProblem> Unknown(IEnumerable<string> names, IReadOnlyCollection<string> known) =>
    [
        .. from name in names
           where !known.Contains(name, StringComparer.OrdinalIgnoreCase)
           let near = Selection.NearestNames.Find(name, known)
           select new LoraProblem(LoraError.SweepValueInvalid, name, name, near.Count > 0 ? $"no parameter has this name; {string.Join(", ", near)} is near" : $"no parameter has this name; there are {string.Join(", ", known.Order(StringComparer.Ordinal))}"),
    ];

    private static IEnumerable<PropertyInfo> Settable(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanWrite);
}
