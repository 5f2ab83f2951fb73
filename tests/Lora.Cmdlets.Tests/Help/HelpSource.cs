using Lora.Tools.Help;

namespace Lora.Commands.Tests.Help;

/// <summary>The markdown that the help is made of.</summary>
internal static class HelpSource
{
    private static readonly string Folder = Path.Combine(Repository.Root, "docs", "en-US");

    /// <summary>The page of each cmdlet of the module: one that has none fails here.</summary>
    public static IReadOnlyList<HelpPage> Pages { get; } = [.. Cmdlets.Names.Select(name => HelpPageReader.Read(Text(name)))];

    /// <summary>Every page, topics among them.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Directory.GetFiles(Folder, "*.md").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    public static string Text(string name) => File.ReadAllText(Path.Combine(Folder, name + ".md")).ReplaceLineEndings("\n");
}
