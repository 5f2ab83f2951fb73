using System.Text;
using System.Text.Unicode;

namespace Lora.Data;

/// <summary>The characters of a CSV file, line after line, each held to be UTF-8.</summary>
/// <param name="lines">The file's bytes.</param>
internal sealed class DelimitedText(LineReader lines) : TextReader
{
    private string line = "";
    private int next;

    /// <summary>The lines that have been read.</summary>
    public int Line { get; private set; }

    /// <summary>The next line with the LF that ends it; null at the end.</summary>
    /// <exception cref="InvalidDataException">It is not UTF-8, or longer than a line may be.</exception>
    public override string? ReadLine()
    {
        if (!lines.TryRead(out ReadOnlyMemory<byte> bytes))
        {
            return lines.IsAtEnd ? null : throw new InvalidDataException($"it has more than {LineReader.LongestLine} bytes");
        }

        Line++;
        return Utf8.IsValid(bytes.Span) ? Encoding.UTF8.GetString(bytes.Span) + (lines.IsAtEnd && lines.Ahead.Length == 0 ? "" : "\n") : throw new InvalidDataException(TextEncodings.NotUtf8);
    }

    public override int Read(char[] buffer, int index, int count) => Read(buffer.AsSpan(index, count));

    public override int Read(Span<char> buffer)
    {
        if (next == line.Length)
        {
            (line, next) = (ReadLine() ?? "", 0);
        }

        int length = Math.Min(buffer.Length, line.Length - next);
        line.AsSpan(next, length).CopyTo(buffer);
        next += length;
        return length;
    }
}
