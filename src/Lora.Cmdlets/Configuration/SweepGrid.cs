using System.Collections;
using System.Collections.Specialized;
using System.Management.Automation;

namespace Lora.Commands;

/// <summary>The Cartesian product of a table's values.</summary>
internal static class SweepGrid
{
    /// <summary>
    /// Every combination: the first key changes slowest and the last fastest. Keys come in their order; those of a plain hashtable, which has none, by name.
    /// A list of lists is values that are lists.
    /// </summary>
    /// <exception cref="LoraException">SweepValueInvalid: every name that nobody knows, every key without a value, and every value that does not fit.</exception>
    public static IReadOnlyList<IReadOnlyList<(string Name, object? Value)>> Of(IDictionary grid)
    {
        // By the keys: not every table is a list of DictionaryEntry.
        IEnumerable<(string Name, object?[] Values)> entries = grid.Keys.Cast<object>().Select(key => ($"{key}", Values(grid[key])));
        (string Name, object?[] Values)[] keys = [.. grid is IOrderedDictionary ? entries : entries.OrderBy(entry => entry.Name, StringComparer.OrdinalIgnoreCase)];
        SweepValues.CheckNames(keys.Select(key => key.Name));
        LoraException.ThrowIfAny(
        [
            .. keys.Where(key => key.Values.Length == 0).Select(key => new LoraProblem(LoraError.SweepValueInvalid, key.Name, key.Name, "it has no value")),
            .. keys.SelectMany(key => key.Values.SelectMany(value => SweepValues.Problems([(key.Name, value)]))),
        ]);
        IEnumerable<IReadOnlyList<(string Name, object? Value)>> product = [[]];
        foreach ((string name, object?[] values) in keys)
        {
            product = product.SelectMany(_ => values, (point, value) => (IReadOnlyList<(string Name, object? Value)>)[.. point, (name, value)]);
        }

        return [.. product];
    }

    private static object?[] Values(object? given) => LanguagePrimitives.GetEnumerable(Argument.Plain(given)) is IEnumerable list
        ? [.. list.Cast<object?>().Select(Argument.Plain)]
        : [Argument.Plain(given)];
}
