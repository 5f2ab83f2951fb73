using System.Collections;
using System.Collections.Specialized;
using System.Management.Automation;

namespace Lora.Commands;

/// <summary>
/// What a user gave as a point of a sweep: a hashtable, a custom object or a row of Import-Csv whose names are those of parameters; or a whole configuration,
/// as <see cref="ConfigArgument"/> takes it; or what a sweep gave, which is that point again.
/// </summary>
public sealed record PointArgument : Argument
{
    // What a job notes on an object that it gives back.
    private static readonly string[] OfJobs = ["PSComputerName", "RunspaceId", "PSShowComputerName", "PSSourceJobInstanceId"];

    /// <summary>The whole configuration; null for values alone.</summary>
    internal ConfigArgument? Config => IsTable || Value is null ? null : new() { Value = Value };

    /// <summary>The values by their names, in their order; those of a plain hashtable, which has none, by name. None of a whole configuration.</summary>
    internal IReadOnlyList<(string Name, object? Value)> Values => Value switch
    {
        IDictionary table when IsTable => Entries(table),
        PSObject bag when IsTable => [.. bag.Properties.Where(property => !OfJobs.Contains(property.Name)).Select(property => (property.Name, Members.Of(bag, property.Name)))],
        object value when Members.Has(value, nameof(LoraSweepResult.Outcome)) && Members.Of(value, nameof(LoraSweepResult.Parameter)) is IDictionary of => Entries(of),
        _ => [],
    };

    private bool IsTable => Value switch
    {
        IDictionary table => !PeftTable.Is(table),
        PSObject { BaseObject: PSCustomObject } bag => !PeftTable.Is(bag) && !Members.Kind(bag).StartsWith("Lora.", StringComparison.Ordinal) && !IsWhole(bag),
        _ => false,
    };

    // What ConvertFrom-Json makes of a configuration has all of its properties.
    private static bool IsWhole(PSObject bag) => Members.Has(bag, nameof(LoraConfig.Rank)) && Members.Has(bag, nameof(LoraConfig.LayersToTransform)) && Members.Has(bag, nameof(LoraConfig.FanInFanOut));

    private static (string Name, object? Value)[] Entries(IDictionary table)
    {
        // By the keys: not every table is a list of DictionaryEntry.
        IEnumerable<(string Name, object? Value)> entries = table.Keys.Cast<object>().Select(key => ($"{key}", Plain(table[key])));
        return [.. table is IOrderedDictionary || table.GetType().IsGenericType ? entries : entries.OrderBy(entry => entry.Name, StringComparer.OrdinalIgnoreCase)];
    }
}
