using System.Globalization;
using System.Text;

namespace Lora.Text;

/// <summary>Turns runs of byte tokens such as <c>&lt;0xE2&gt;</c> into the text of those bytes; where they are no UTF-8, into one U+FFFD a byte.</summary>
internal static class ByteFallbackDecoder
{
    public static IReadOnlyList<string> Decode(IReadOnlyList<string> tokens)
    {
        List<string> texts = new(tokens.Count);
        List<byte> run = [];
        foreach (string token in tokens)
        {
            if (TryReadByte(token, out byte value))
            {
                run.Add(value);
                continue;
            }

            Flush();
            texts.Add(token);
        }

        Flush();
        return texts;

        void Flush()
        {
            if (run.Count > 0)
            {
                byte[] bytes = [.. run];
                texts.Add(System.Text.Unicode.Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : new string('\uFFFD', bytes.Length));
                run.Clear();
            }
        }
    }

    /// <summary>The name of a byte's token.</summary>
    public static string Name(byte value) => string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>");

    /// <summary>Whether a token has the name of a byte.</summary>
    public static bool IsByte(string token) => TryReadByte(token, out _);

    private static bool TryReadByte(string token, out byte value)
    {
        value = 0;
        return token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>' &&
            byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
