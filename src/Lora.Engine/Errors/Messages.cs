using System.Globalization;
using System.Resources;

namespace Lora;

/// <summary>The texts of Messages.resx: for each <see cref="LoraError"/> its message and, under the same name with <c>.Advice</c>, what to do.</summary>
internal static class Messages
{
    private static readonly ResourceManager Resources = new("Lora.Errors.Messages", typeof(Messages).Assembly);

    public static string Text(LoraError error, params object?[] arguments) =>
        string.Format(CultureInfo.InvariantCulture, Find(error.ToString()), arguments);

    public static string Advice(LoraError error) => Find(error + ".Advice");

    public static string Count(int problems) => string.Format(CultureInfo.InvariantCulture, Find("SeveralProblems"), problems);

    public static string More(int problems) => string.Format(CultureInfo.InvariantCulture, Find("MoreProblems"), problems);

    private static string Find(string key) =>
        Resources.GetString(key, CultureInfo.InvariantCulture) ?? throw new MissingManifestResourceException($"Messages.resx has no text for '{key}'.");
}
