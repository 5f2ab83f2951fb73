namespace Lora.Text.Jinja;

/// <summary>Text that is safe in HTML, which Jinja2 keeps apart from plain text.</summary>
internal static class Markup
{
    public static string Escaped(TextValue text) => text.IsSafe ? text.Text : Escape(text.Text);

    public static string Escape(string text) => text
        .Replace("&", "&amp;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace("'", "&#39;", StringComparison.Ordinal)
        .Replace("\"", "&#34;", StringComparison.Ordinal);
}
