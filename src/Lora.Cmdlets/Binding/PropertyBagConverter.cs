using System.Collections;
using System.Management.Automation;

namespace Lora.Commands;

/// <summary>
/// Makes the engine's objects of what the shell has in their place, wherever it converts: a hashtable, a custom object, or what came out of a job, a
/// remote session or a file of Export-Clixml. A name that no property has is refused, and a configuration that cannot be.
/// </summary>
public sealed class PropertyBagConverter : PSTypeConverter
{
    /// <inheritdoc/>
    public override bool CanConvertFrom(object sourceValue, Type destinationType) =>
        sourceValue is IDictionary or PSObject { BaseObject: IDictionary or PSCustomObject };

    /// <inheritdoc/>
    public override object ConvertFrom(object sourceValue, Type destinationType, IFormatProvider formatProvider, bool ignoreCase)
    {
        ArgumentNullException.ThrowIfNull(destinationType);
        try
        {
            // What travelled has what the journey noted too: the job, the computer.
            object made = ((sourceValue as PSObject)?.BaseObject ?? sourceValue) is IDictionary entries ? PropertyBag.Make(destinationType, entries)
                : sourceValue is PSObject bag ? PropertyBag.Make(destinationType, bag, bag.TypeNames.Contains("Deserialized." + destinationType.FullName))
                : throw new PSInvalidCastException();
            LoraException.ThrowIfAny(made is LoraConfig config ? LoraConfigRules.Check(config) : []);
            return made;
        }
        catch (LoraException exception)
        {
            throw new PSInvalidCastException(exception.Message, exception);
        }
    }

    /// <inheritdoc/>
    public override bool CanConvertTo(object sourceValue, Type destinationType) => false;

    /// <inheritdoc/>
    public override object ConvertTo(object sourceValue, Type destinationType, IFormatProvider formatProvider, bool ignoreCase) => throw new NotSupportedException();
}
