using System.Collections;
using System.Management.Automation;

namespace Lora.Commands;

/// <summary>What a user gave to a parameter, as it is. Nothing is read or refused before the cmdlet works on it, so that a failure has the cmdlet's own id.</summary>
public abstract record Argument
{
    /// <summary>The object, without PowerShell's wrapper.</summary>
    public object? Value { get; init; }

    /// <inheritdoc/>
    public sealed override string ToString() => $"{Value}";

    /// <summary>The object inside PowerShell's wrapper; what a job, a file or JSON gave back has nothing but its wrapper.</summary>
    internal static object? Plain(object? value) => value is PSObject { BaseObject: object inner } and not PSObject { BaseObject: PSCustomObject } ? inner : value;
}

/// <summary>Makes an <see cref="Argument"/> of whatever a parameter is given, by the pipeline or by name.</summary>
/// <typeparam name="T">The argument's kind.</typeparam>
[AttributeUsage(AttributeTargets.Property)]
public sealed class RecordedAttribute<T> : ArgumentTransformationAttribute
    where T : Argument, new()
{
    /// <summary>Whether a list is many arguments; else it is one.</summary>
    public bool Several { get; set; }

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        // The shell's own idea of a list: a text and a hashtable are none.
        IEnumerable? list = Several ? LanguagePrimitives.GetEnumerable(inputData) : null;
        return list is null ? Record(inputData) : list.Cast<object?>().Select(Record).ToArray();
    }

    private static T Record(object? given)
    {
        object? plain = Argument.Plain(given);
        return plain as T ?? new T { Value = plain };
    }
}
