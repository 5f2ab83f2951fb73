using System.Text;

namespace Lora.Selection;

/// <summary>
/// A name in which each character beyond U+FFFF is one of .NET's: Python's patterns count it as one, .NET's as two. A character for private use that the
/// name does not have stands in for it, and a pattern for this name says of each whether it matches.
/// </summary>
internal sealed class StandIns
{
    private const char FirstPrivate = '\uE000';
    private const int Privates = 0x1900; // up to U+F8FF

    private readonly Dictionary<int, char> standIns = [];

    /// <exception cref="LoraException">PatternInvalid: the name has more such characters than there are to stand in.</exception>
    public StandIns(string name)
    {
        using IEnumerator<char> free = Enumerable.Range(FirstPrivate, Privates).Select(code => (char)code).Where(c => !name.Contains(c, StringComparison.Ordinal)).GetEnumerator();
        StringBuilder text = new(name.Length);
        foreach (Rune rune in name.EnumerateRunes())
        {
            if (!rune.IsBmp && !standIns.ContainsKey(rune.Value))
            {
                standIns.Add(rune.Value, free.MoveNext() ? free.Current : throw LoraException.Of(LoraError.PatternInvalid, name, name, "as a name it has too many characters beyond U+FFFF"));
            }

            text.Append(rune.IsBmp ? (char)rune.Value : standIns[rune.Value]);
        }

        Text = text.ToString();
    }

    /// <summary>The name with its stand-ins.</summary>
    public string Text { get; }

    /// <summary>A part of <see cref="Text"/> in the name's own characters.</summary>
    public string Original(string part) =>
        string.Concat(part.Select(c => standIns.ContainsValue(c) ? char.ConvertFromUtf32(standIns.First(entry => entry.Value == c).Key) : c.ToString()));

    /// <summary>.NET's expression for one character of a set: one that stands in for one of the set, or one of the set that stands in for none.</summary>
    public string Write(PatternSet set)
    {
        string matching = string.Concat(standIns.Where(entry => set.Contains(entry.Key)).Select(entry => entry.Value));
        string all = string.Concat(standIns.Values);
        return $"(?:(?![{all}]){set.Text}{(matching.Length > 0 ? $"|[{matching}]" : "")})";
    }
}
