namespace Lora.Selection;

/// <summary>Finds what was probably meant by a glob that matches nothing: <c>*</c> stays inside one part of a name, <c>**</c> crosses parts.</summary>
public static class WiderPattern
{
    /// <summary>A hint to append to a message, beginning with <c>; </c>; empty when no wider glob matches either.</summary>
    /// <param name="pattern">The glob.</param>
    /// <param name="names">The dotted names that it was meant for.</param>
    public static string Hint(ModulePattern pattern, IReadOnlyCollection<string> names)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        ArgumentNullException.ThrowIfNull(names);
        string crossing = string.Join('.', pattern.Text.Split('.').Select(part => part == "*" ? "**" : part));
        string? wider = new[] { crossing, "**." + crossing.TrimStart('/') }
            .Where(text => pattern.Text.Contains('.', StringComparison.Ordinal) && text != pattern.Text)
            .FirstOrDefault(text => names.Any(ModulePattern.Parse(text).IsMatch));
        return wider is null ? "" : $"; '{wider}' does: * stays inside one part of a name and ** crosses parts";
    }
}
