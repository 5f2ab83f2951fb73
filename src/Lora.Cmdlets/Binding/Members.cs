using System.Management.Automation;

namespace Lora.Commands;

/// <summary>Looks into objects by the names of their properties: the module's own, files and folders, and what jobs and JSON made of either.</summary>
internal static class Members
{
    private const string Deserialized = "Deserialized.";

    /// <summary>The value of a property; null when there is none.</summary>
    public static object? Of(object value, string name)
    {
        try
        {
            return Argument.Plain(PSObject.AsPSObject(value).Properties[name]?.Value);
        }
        // A property of another's type runs its code, which may throw: what cannot be read is not there.
        catch (GetValueException)
        {
            return null;
        }
    }

    /// <summary>The first of some properties that is an object. A job flattens objects inside of objects to their text, which says nothing.</summary>
    public static object? Nested(object value, params string[] names) =>
        names.Select(name => Of(value, name)).FirstOrDefault(inner => inner is not null and not string);

    /// <summary>The first of some properties that is a text with something in it.</summary>
    public static string? Text(object value, params string[] names) =>
        names.Select(name => Of(value, name)).OfType<string>().FirstOrDefault(text => text.Length > 0);

    /// <summary>Whether there is a property of one of some names.</summary>
    public static bool Has(object value, params string[] names) => names.Any(name => PSObject.AsPSObject(value).Properties[name] is not null);

    /// <summary>Where an object lies; it is meant to the letter.</summary>
    public static string? Path(object value) => Text(value, "AdapterPath", "PSPath", "FullName", "Path");

    /// <summary>Whether a job or a file gave the object back without what it does.</summary>
    public static bool IsDeserialized(object value) =>
        value is PSObject bag && bag.TypeNames.Any(name => name.StartsWith(Deserialized, StringComparison.Ordinal));

    /// <summary>The object's kind, as messages name it.</summary>
    public static string Kind(object value)
    {
        string name = PSObject.AsPSObject(value).TypeNames[0];
        return IsDeserialized(value) ? name[Deserialized.Length..] : name;
    }
}
