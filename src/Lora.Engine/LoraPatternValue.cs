using System.Globalization;

namespace Lora;

/// <summary>A rank or an alpha for the modules that a pattern names. In a list of them the first that matches a name decides.</summary>
/// <remarks>Written as text it reads <c>pattern=value</c>, so that it survives jobs and remoting, which flatten nested objects to their text.</remarks>
public sealed record LoraPatternValue
{
    /// <summary>A Python regular expression for the end of a dotted name, beginning after a dot or at the name's start.</summary>
    public string Pattern { get; init; } = "";

    /// <summary>The rank (a whole number) or the alpha.</summary>
    public double Value { get; init; }

    /// <summary>Reads <c>pattern=value</c>; the last equals sign divides, since a pattern may hold others.</summary>
    /// <exception cref="FormatException">There is no equals sign, or no number after it.</exception>
    public static LoraPatternValue Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int sign = text.LastIndexOf('=');
        if (sign < 0 || !double.TryParse(text.AsSpan(sign + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out double value))
        {
            throw new FormatException($"'{text}' does not have the form 'pattern=number'.");
        }

        return new() { Pattern = text[..sign], Value = value };
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Pattern}={Value}");
}
