using System.Reflection;

namespace Lora.Text;

/// <summary>The short chat templates that come with the engine, for models that have none of their own: a text each in <c>Templates</c>.</summary>
internal static class KnownTemplates
{
    private const string Prefix = "Lora.ChatTemplates.";

    private static readonly Assembly Engine = typeof(KnownTemplates).Assembly;

    /// <summary>Their names, in ordinal order.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. Engine.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Select(name => name[Prefix.Length..]).Order(StringComparer.Ordinal)];

    /// <summary>Whether there is a template of a name; letter case does not count.</summary>
    public static bool Has(string name) => Names.Contains(name, StringComparer.OrdinalIgnoreCase);

    /// <summary>The template of a name that there is.</summary>
    public static string Text(string name)
    {
        using StreamReader reader = new(Engine.GetManifestResourceStream(Prefix + Names.First(known => known.Equals(name, StringComparison.OrdinalIgnoreCase)))!);
        return reader.ReadToEnd();
    }
}
