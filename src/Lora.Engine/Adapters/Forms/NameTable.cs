using System.Globalization;

namespace Lora.Adapters;

/// <summary>
/// Names of a model family's own code against those of diffusers. <c>#</c> stands for the number of a block. A module that its own code joins out of several is
/// one name against several, in the order of its rows.
/// </summary>
internal sealed class NameTable
{
    private readonly Dictionary<string, string[]> parts;
    private readonly Dictionary<string, (string Original, string[] Parts)> originals;

    public NameTable(params (string Original, string[] Parts)[] entries)
    {
        parts = entries.ToDictionary(entry => entry.Original, entry => entry.Parts, StringComparer.Ordinal);
        originals = entries.SelectMany(entry => entry.Parts.Select(part => (part, entry))).ToDictionary(pair => pair.part, pair => pair.entry, StringComparer.Ordinal);
    }

    /// <summary>What diffusers calls a module, or the modules that it is joined of; null for a name that is not of the family's code.</summary>
    public string[]? Parts(string original) => parts.TryGetValue(original, out string[]? exact) ? exact
        : Numbered(original) is (string name, string number) && parts.TryGetValue(name, out string[]? found) ? [.. found.Select(part => part.Replace("#", number, StringComparison.Ordinal))]
        : null;

    /// <summary>The module of the family's code that a module of diffusers is, or is a part of, and all its parts; null for another name.</summary>
    public (string Original, string[] Parts)? Original(string part) => originals.TryGetValue(part, out (string, string[]) exact) ? exact
        : Numbered(part) is (string name, string number) && originals.TryGetValue(name, out (string Original, string[] Parts) found)
            ? (found.Original.Replace("#", number, StringComparison.Ordinal), [.. found.Parts.Select(other => other.Replace("#", number, StringComparison.Ordinal))])
            : null;

    /// <summary>The name with <c>#</c> for its first number, and the number.</summary>
    private static (string Name, string Number)? Numbered(string name)
    {
        string[] words = name.Split('.');
        int index = Array.FindIndex(words, word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out _));
        if (index < 0)
        {
            return null;
        }

        string number = words[index];
        words[index] = "#";
        return (string.Join('.', words), number);
    }
}
