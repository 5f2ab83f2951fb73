using System.Text;
using System.Text.Unicode;

namespace Lora.Data;

/// <summary>Reads a text file as one document: as it stands, with LF for CR LF.</summary>
internal static class DocumentReader
{
    /// <summary>The one row; null where it is not UTF-8 or too long, which is noted.</summary>
    public static IEnumerable<DatasetRow?> Read(LineReader bytes, DatasetFile file, RowProblems problems)
    {
        while (bytes.Ahead.Length <= LineReader.LongestLine && bytes.ReadOn())
        {
        }

        ReadOnlyMemory<byte> content = bytes.Ahead;
        if (!bytes.IsAtEnd)
        {
            problems.Add(1, $"the text has more than {LineReader.LongestLine} bytes");
            return [null];
        }

        if (!Utf8.IsValid(content.Span))
        {
            problems.Add(FirstInvalidLine(content.Span), TextEncodings.NotUtf8);
            return [null];
        }

        file.MustBe(DatasetFormat.Text, 1);
        file.Note("is read as one document; where it is longer than the longest row it becomes several rows");
        string text = Encoding.UTF8.GetString(content.Span).Replace("\r\n", "\n", StringComparison.Ordinal);
        return [new TextRow(1, text, IsDocument: true)];
    }

    private static int FirstInvalidLine(ReadOnlySpan<byte> content)
    {
        int number = 1;
        foreach (Range line in content.Split((byte)'\n'))
        {
            if (!Utf8.IsValid(content[line]))
            {
                break;
            }

            number++;
        }

        return number;
    }
}
