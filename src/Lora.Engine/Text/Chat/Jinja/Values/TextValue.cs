using System.Text;

namespace Lora.Text.Jinja;

/// <summary>Python's str, counted in code points; or Markup, which |safe and |escape give and which escapes what is added to it.</summary>
internal sealed class TextValue(string text, bool isSafe = false) : Value
{
    public static readonly TextValue Empty = new("");

    public override string TypeName => isSafe ? "Markup" : "str";

    public string Text => text;

    public bool IsSafe => isSafe;

    public override bool IsTrue => text.Length > 0;

    public override long Weight => 1 + text.Length;

    /// <summary>len(): a pair of surrogates is one.</summary>
    public int Length => HasPairs ? text.EnumerateRunes().Count() : text.Length;

    public override int Size => text.Length;

    private bool HasPairs => text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') >= 0;

    public override IEnumerable<Value> Items() => text.EnumerateRunes().Select(rune => new TextValue(rune.ToString(), isSafe));

    public override Value? Attribute(string name) => TextMethods.Find(this, name);

    public override Value? Item(Value key)
    {
        if (key is not (IntegerValue or BooleanValue))
        {
            return key is TextValue name ? Attribute(name.Text) : null;
        }

        long index = Numbers.Integer(key);
        int length = Length;
        index += index < 0 ? length : 0;
        return index < 0 || index >= length ? null : Pick([(int)index]);
    }

    /// <summary>The characters before a place.</summary>
    public string First(int count) => HasPairs ? string.Concat(text.EnumerateRunes().Take(count)) : text[..Math.Min(count, text.Length)];

    /// <summary>The characters at some places, in that order.</summary>
    public TextValue Pick(IReadOnlyList<int> places)
    {
        StringBuilder picked = new(places.Count);
        // Nearly all texts are without pairs, and their characters are found by index at once.
        Rune[]? runes = HasPairs ? [.. text.EnumerateRunes()] : null;
        foreach (int place in places)
        {
            _ = runes is null ? picked.Append(text[place]) : picked.Append(runes[place].ToString());
        }

        return new TextValue(picked.ToString(), isSafe);
    }

    /// <summary>The index of a character as Python counts it.</summary>
    public int CodePoints(int index) => HasPairs ? text[..index].EnumerateRunes().Count() : index;

    /// <summary>Another text that is safe where this one is.</summary>
    public TextValue With(string other) => new(other, isSafe);
}
