using System.Text;

namespace Lora.Selection;

/// <summary>
/// The characters that Python's (?i) takes for one another: those whose lower case is the same, or whose lower cases have the same upper case. So the
/// Kelvin sign is a k, the long s an s, and each i that there is an i. .NET's own RegexOptions.IgnoreCase knows others.
/// </summary>
internal sealed class PatternCase
{
    // Beyond these planes no character has a case.
    private const int End = 0x20000;

    /// <summary>Each character that has others, with all of them.</summary>
    private readonly Dictionary<int, int[]> same;

    private PatternCase(Func<int, int> key, int end) => same = Enumerable.Range(0, end)
        .GroupBy(key)
        .Select(group => group.ToArray())
        .Where(group => group.Length > 1)
        .SelectMany(group => group, (group, character) => (character, group))
        .ToDictionary(entry => entry.character, entry => entry.group);

    /// <summary>Of all scripts.</summary>
    public static Lazy<PatternCase> Unicode { get; } = new(() => new(Key, End));

    /// <summary>With <c>(?a)</c>: A to Z.</summary>
    public static Lazy<PatternCase> Ascii { get; } = new(() => new(character => char.IsAsciiLetterUpper((char)character) ? character | 0x20 : character, 128));

    /// <summary>A character and those that are the same.</summary>
    public IReadOnlyList<int> AllOf(int character) => same.TryGetValue(character, out int[]? all) ? all : [character];

    /// <summary>What is the same as a character of a range and not in it.</summary>
    public IEnumerable<int> Others((int From, int To) range) =>
        (range.From == range.To ? AllOf(range.From) : same.Keys.Where(character => range.From <= character && character <= range.To).SelectMany(AllOf))
            .Where(character => character < range.From || character > range.To).Distinct();

    // Invariant casing leaves the i's of Turkish and the long s alone, and three pairs have an upper case of several letters that is the same.
    private static int Key(int character) => character switch
    {
        'i' or 'I' or 'İ' or 'ı' => 'I',
        's' or 'S' or 'ſ' => 'S',
        0x0390 or 0x1FD3 => 0x0390,
        0x03B0 or 0x1FE3 => 0x03B0,
        0xFB05 or 0xFB06 => 0xFB05,
        >= 0xD800 and <= 0xDFFF => character,
        _ => Rune.ToUpperInvariant(Rune.ToLowerInvariant(new(character))).Value,
    };
}
