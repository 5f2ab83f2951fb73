using System.Collections;

namespace Lora;

/// <summary>Names that stand for others, letter case aside. Two of the same names are equal.</summary>
public sealed class NameDictionary : IReadOnlyDictionary<string, string>, IEquatable<NameDictionary>
{
    // Sorted: Equals compares the texts, which must not depend on the order in which names were given.
    private readonly SortedDictionary<string, string> names = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>A map of names.</summary>
    /// <param name="names">Each name with what it stands for.</param>
    /// <exception cref="LoraException"><see cref="LoraError.ConfigValueInvalid"/>: a name stands twice, letter case aside.</exception>
    public NameDictionary(IEnumerable<KeyValuePair<string, string>> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        foreach ((string name, string other) in names)
        {
            if (!this.names.TryAdd(name, other))
            {
                throw LoraException.Of(LoraError.ConfigValueInvalid, name, $"'{name}'", "there twice", "each name once");
            }
        }
    }

    /// <summary>The map without names.</summary>
    public static NameDictionary Empty { get; } = new([]);

    /// <inheritdoc/>
    public IEnumerable<string> Keys => names.Keys;

    /// <inheritdoc/>
    public IEnumerable<string> Values => names.Values;

    /// <inheritdoc/>
    public int Count => names.Count;

    /// <inheritdoc/>
    public string this[string key] => names[key];

    /// <inheritdoc/>
    public bool ContainsKey(string key) => names.ContainsKey(key);

    /// <inheritdoc/>
    public bool TryGetValue(string key, out string value) => names.TryGetValue(key, out value!);

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() => names.GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(NameDictionary? other) => other is not null && ToString().Equals(other.ToString(), StringComparison.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as NameDictionary);

    /// <inheritdoc/>
    public override int GetHashCode() => ToString().GetHashCode(StringComparison.OrdinalIgnoreCase);

    /// <summary>For example <c>completion = reply; prompt = ask</c>.</summary>
    public override string ToString() => string.Join("; ", names.Select(pair => $"{pair.Key} = {pair.Value}"));

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
