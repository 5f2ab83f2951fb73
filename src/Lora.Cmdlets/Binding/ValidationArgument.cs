using System.Collections;
using System.Collections.Specialized;
using System.Management.Automation;

namespace Lora.Commands;

/// <summary>
/// What a user gave to take losses on: paths, or objects of files and folders, which are one set together; or a table of names and paths, a set each.
/// A custom object, as JSON gives it, is such a table.
/// </summary>
public sealed record ValidationArgument : Argument
{
    /// <summary>Whether the first set is one that the user put first; the keys of a plain hashtable have no order.</summary>
    internal bool HasOrder => Value is not IDictionary { Count: > 1 } or IOrderedDictionary;

    /// <summary>The sets: of a table in its order or, where it has none, in that of the names.</summary>
    /// <exception cref="LoraException">PathNotFound, PathNotFileSystem or ConfigValueInvalid, for everything that names no file.</exception>
    internal IReadOnlyList<ValidationSet> Sets(PathResolver paths)
    {
        if (Entries() is not IEnumerable<(string Name, object? Value)> entries)
        {
            return [ValidationSet.Of(Paths(Value, paths))];
        }

        List<LoraProblem> problems = [];
        List<ValidationSet> sets = [];
        foreach ((string name, object? value) in HasOrder ? entries : entries.OrderBy(entry => entry.Name, StringComparer.OrdinalIgnoreCase))
        {
            try
            {
                sets.Add(new(name, Paths(Plain(value), paths)));
            }
            catch (LoraException exception)
            {
                problems.AddRange(exception.Problems); // those of the other sets come with it
            }
        }

        LoraException.ThrowIfAny(problems);
        return sets;
    }

    private IEnumerable<(string Name, object? Value)>? Entries() => Value switch
    {
        IDictionary table => table.Cast<DictionaryEntry>().Select(entry => ($"{entry.Key}", entry.Value)),
        PSObject bag when Place(bag) is null => bag.Properties.Select(property => (property.Name, (object?)property.Value)),
        _ => null,
    };

    private static IReadOnlyList<string> Paths(object? value, PathResolver paths) => value switch
    {
        string path => paths.All(path),
        IEnumerable list => [.. list.Cast<object?>().SelectMany(item => Paths(Plain(item), paths))],
        object item when Place(item) is string place => [paths.Literal(place)],
        _ => throw LoraException.Of(
            LoraError.ConfigValueInvalid, value, nameof(InvokeLoraTrainingCommand.ValidationDataset), $"'{value}'", "the path of a file or folder, several, or a table of names and paths"),
    };

    // Not an adapter's or a model's place: rows lie in files.
    private static string? Place(object value) => Members.Text(value, "PSPath", "FullName");
}
