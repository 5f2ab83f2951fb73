using System.Text;

namespace Lora.Text;

/// <summary>A stretch of a text: its first character and the one after its last, counted in UTF-16 units.</summary>
internal readonly record struct TextSpan(int Start, int End);

/// <summary>A text on its way to the model, which knows where its characters came from if offsets are wanted.</summary>
/// <param name="Text">The text as it is now.</param>
/// <param name="Origins">For each of its UTF-16 units the stretch of the user's text that it stands for; null where offsets are not wanted.</param>
internal readonly record struct AlignedText(string Text, TextSpan[]? Origins)
{
    public int Length => Text.Length;

    /// <summary>A text that is as the user gave it.</summary>
    /// <param name="text">The text.</param>
    /// <param name="isTracked">Whether its characters keep their origins.</param>
    public static AlignedText Of(string text, bool isTracked)
    {
        if (!isTracked)
        {
            return new(text, null);
        }

        TextSpan[] origins = new TextSpan[text.Length];
        int start = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            int end = start + rune.Utf16SequenceLength;
            // Both halves of a pair have the whole character's place, so that no stretch ever ends inside one.
            origins.AsSpan(start..end).Fill(new(start, end));
            start = end;
        }

        return new(text, origins);
    }

    public AlignedText Slice(int start, int length) =>
        length == Text.Length ? this : new(Text.Substring(start, length), Origins?.AsSpan(start, length).ToArray());

    /// <summary>The text with characters put before it, which have the origin of its first.</summary>
    public AlignedText Prefixed(string prefix) =>
        new(prefix + Text, Origins is null ? null : [.. Enumerable.Repeat(Origins[0], prefix.Length), .. Origins]);

    /// <summary>The stretch of the user's text that a stretch of this one, which is not empty, came from.</summary>
    public TextSpan OriginOf(TextSpan span) => new(Origins![span.Start].Start, Origins[span.End - 1].End);
}

/// <summary>Makes a text out of another.</summary>
internal sealed class AlignedTextBuilder(AlignedText source)
{
    private readonly StringBuilder text = new(source.Length);
    private readonly List<TextSpan>? origins = source.Origins is null ? null : new(source.Length);

    public int Length => text.Length;

    /// <summary>Copies a stretch of the source.</summary>
    public void Keep(int start, int end)
    {
        text.Append(source.Text, start, end - start);
        origins?.AddRange(source.Origins.AsSpan(start..end));
    }

    /// <summary>Writes characters that stand for one of the source.</summary>
    public void Write(ReadOnlySpan<char> characters, int from)
    {
        text.Append(characters);
        for (int index = 0; origins is not null && index < characters.Length; index++)
        {
            origins.Add(source.Origins![from]);
        }
    }

    public AlignedText ToText() => new(text.ToString(), origins?.ToArray());
}
