using System.Collections.Concurrent;
using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Reflection;

namespace Lora.Commands;

/// <summary>
/// Shows the properties of the engine's objects as what they are, set once. The shell takes an init accessor for one that may be called at any
/// time; Lora.Types.ps1xml puts this in its place.
/// </summary>
public sealed class ReadOnlyProperties : PSPropertyAdapter
{
    // A table asks for each of its columns at every row.
    private static readonly ConcurrentDictionary<(Type Type, string Name), PropertyInfo?> Known = new();

    /// <inheritdoc/>
    public override Collection<PSAdaptedProperty> GetProperties(object baseObject)
    {
        ArgumentNullException.ThrowIfNull(baseObject);
        return [.. baseObject.GetType().GetProperties(BindingFlags.Instance | BindingFlags.Public).Select(property => new PSAdaptedProperty(property.Name, property))];
    }

    /// <inheritdoc/>
    public override PSAdaptedProperty? GetProperty(object baseObject, string propertyName)
    {
        ArgumentNullException.ThrowIfNull(baseObject);
        PropertyInfo? property = Known.GetOrAdd((baseObject.GetType(), propertyName), key => Find(key.Type, key.Name));
        return property is null ? null : new(property.Name, property);
    }

    /// <inheritdoc/>
    public override bool IsGettable(PSAdaptedProperty adaptedProperty) => true;

    /// <inheritdoc/>
    public override bool IsSettable(PSAdaptedProperty adaptedProperty) => false;

    /// <inheritdoc/>
    public override object? GetPropertyValue(PSAdaptedProperty adaptedProperty)
    {
        ArgumentNullException.ThrowIfNull(adaptedProperty);
        return Of(adaptedProperty).GetValue(adaptedProperty.BaseObject);
    }

    /// <inheritdoc/>
    public override void SetPropertyValue(PSAdaptedProperty adaptedProperty, object? value)
    {
        ArgumentNullException.ThrowIfNull(adaptedProperty);
        string advice = adaptedProperty.BaseObject is LoraConfig ? " New-LoraConfig makes another configuration." : "";
        throw new SetValueException($"The {adaptedProperty.Name} of a {adaptedProperty.BaseObject.GetType().Name} cannot be changed.{advice}");
    }

    /// <inheritdoc/>
    public override string GetPropertyTypeName(PSAdaptedProperty adaptedProperty)
    {
        ArgumentNullException.ThrowIfNull(adaptedProperty);
        return Of(adaptedProperty).PropertyType.ToString();
    }

    /// <summary>The property of a name, whatever its case; null when there is none.</summary>
    internal static PropertyInfo? Find(Type type, string name) =>
        type.GetProperty(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.IgnoreCase);

    private static PropertyInfo Of(PSAdaptedProperty property) => (PropertyInfo)property.Tag;
}
