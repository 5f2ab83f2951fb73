using System.Globalization;

namespace Lora;

/// <summary>A row of an embedding, or of a head, that is trained whole: one token's.</summary>
/// <remarks>Written as text it reads <c>7</c>, or <c>lm_head=7</c>, so that it survives jobs and remoting, which flatten nested objects to their text.</remarks>
public sealed record LoraTrainableToken
{
    /// <summary>The module, by its whole name or a dotted ending; null for the embedding of the input tokens, and for the head where it shares the weight.</summary>
    public string? Module { get; init; }

    /// <summary>The token's id.</summary>
    public int Index { get; init; }

    /// <summary>Reads <c>7</c> or <c>module=7</c>.</summary>
    /// <exception cref="FormatException">There is no whole number in the end.</exception>
    public static LoraTrainableToken Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int sign = text.LastIndexOf('=');
        return int.TryParse(text.AsSpan(sign + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int index)
            ? new() { Module = sign < 0 ? null : text[..sign], Index = index }
            : throw new FormatException($"'{text}' does not have the form 'id' or 'module=id'.");
    }

    /// <inheritdoc/>
    public override string ToString() => Module is null ? Index.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{Module}={Index}");
}
