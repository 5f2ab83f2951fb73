using System.Globalization;
using System.Text;

namespace Lora.Data;

/// <summary>Encodings of text by their names, those of spreadsheets and old systems among them. What they do not have is an error and never another character.</summary>
internal static class TextEncodings
{
    /// <summary>That bytes are no text in UTF-8, and the way out.</summary>
    public const string NotUtf8 = "it is not UTF-8; say what it is by -DatasetEncoding, such as windows-1252 for what Excel writes as CSV";

    /// <summary>The encoding of a name of .NET's, or of the number of a code page; null for none.</summary>
    public static Encoding? Find(string name)
    {
        (EncoderFallback encoder, DecoderFallback decoder) = (EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback);
        try
        {
            // Asked for here and registered nowhere: what the process knows by name stays the program's own.
            return int.TryParse(name, CultureInfo.InvariantCulture, out int page)
                ? CodePagesEncodingProvider.Instance.GetEncoding(page, encoder, decoder) ?? Encoding.GetEncoding(page, encoder, decoder)
                : CodePagesEncodingProvider.Instance.GetEncoding(name, encoder, decoder) ?? Encoding.GetEncoding(name, encoder, decoder);
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            return null;
        }
    }
}
