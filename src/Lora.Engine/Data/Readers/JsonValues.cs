using System.Text.Json;

namespace Lora.Data;

/// <summary>Finds JSON values that lie one after another among bytes, without reading all bytes first.</summary>
internal static class JsonValues
{
    /// <summary>The next byte that is not white space, which stays ahead; null at the end.</summary>
    public static byte? Next(LineReader bytes)
    {
        while (true)
        {
            bytes.Skip(bytes.Ahead.Length - bytes.Ahead.TrimStart(" \t\r\n"u8).Length);
            if (bytes.Ahead.Length > 0)
            {
                return bytes.Ahead.Span[0];
            }

            if (!bytes.ReadOn())
            {
                return null;
            }
        }
    }

    /// <summary>The bytes of the value that is ahead, of which as much is read as it takes; null where it is no JSON, cut off or too long.</summary>
    public static int? Measure(LineReader bytes)
    {
        do
        {
            try
            {
                if (Length(bytes.Ahead.Span) is int length)
                {
                    return length;
                }
            }
            catch (JsonException)
            {
                return null;
            }
        }
        while (bytes.Ahead.Length <= LineReader.LongestLine && bytes.ReadOn());
        return null;
    }

    /// <summary>The bytes of the value that some bytes begin with; null where it goes on beyond them.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public static int? Length(ReadOnlySpan<byte> bytes)
    {
        Utf8JsonReader reader = new(bytes, isFinalBlock: false, new(new() { MaxDepth = JsonRow.MaxDepth }));
        return reader.Read() && reader.TrySkip() ? (int)reader.BytesConsumed : null;
    }
}
