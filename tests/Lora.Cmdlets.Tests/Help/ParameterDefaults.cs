using System.Globalization;
using System.Management.Automation;
using System.Reflection;

namespace Lora.Commands.Tests.Help;

/// <summary>What a parameter is when it is not given: the property's own value or, where the cmdlet passes on only what was given, that of what it makes.</summary>
internal sealed class ParameterDefaults(Type cmdlet)
{
    private readonly object instance = Activator.CreateInstance(cmdlet)!;

    private readonly object[] made =
    [
        .. cmdlet.GetCustomAttributes<OutputTypeAttribute>()
            .SelectMany(attribute => attribute.Type)
            .Select(type => type.Type)
            .Where(type => type.GetConstructor(Type.EmptyTypes) is not null)
            .Select(type => Activator.CreateInstance(type)!),
    ];

    public string Of(ParameterMetadata parameter)
    {
        if (parameter.SwitchParameter)
        {
            return "False";
        }

        object? own = cmdlet.GetProperty(parameter.Name)!.GetValue(instance);
        return Text(IsUnset(own) ? Made(parameter) ?? own : own);
    }

    private object? Made(ParameterMetadata parameter) => made
        .Select(value => value.GetType().GetProperty(parameter.Name) is PropertyInfo property && property.PropertyType == (Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType) ? property.GetValue(value) : null)
        .FirstOrDefault(value => value is not null);

    private static bool IsUnset(object? value) => value is null || (value is ValueType && value.Equals(Activator.CreateInstance(value.GetType())));

    // Where a value has to be given, the property only holds its place.
    private static string Text(object? value) => value switch
    {
        null or "" or Array { Length: 0 } or Argument => "None",
        Array several => string.Join(", ", several.Cast<object>()),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => $"{value}",
    };
}
