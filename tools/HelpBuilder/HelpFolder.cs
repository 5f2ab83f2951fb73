using System.Text;
using System.Xml.Linq;

namespace Lora.Tools.Help;

/// <summary>Turns a folder of markdown into the files that Get-Help reads: each page is a cmdlet's, or a topic's when it is named about_*.</summary>
public static class HelpFolder
{
    private const string CmdletHelp = "Lora.dll-Help.xml";

    /// <summary>Writes the help of all cmdlets and one text for each topic.</summary>
    /// <exception cref="FormatException">A page is not written as the help needs it.</exception>
    public static void Build(string source, string destination)
    {
        string[] pages = [.. Directory.GetFiles(source, "*.md").Order(StringComparer.Ordinal)];
        string[] topics = [.. pages.Where(AboutTopic.IsTopic)];
        XDocument help = MamlWriter.Write(pages.Except(topics).Select(page => Read(page, HelpPageReader.Read)));

        Directory.CreateDirectory(destination);
        WriteText(Path.Combine(destination, CmdletHelp), $"{help.Declaration}\n{help}\n");
        foreach (string topic in topics)
        {
            WriteText(Path.Combine(destination, AboutTopic.FileName(topic)), Read(topic, AboutTopic.Render));
        }
    }

    private static T Read<T>(string page, Func<string, T> reader)
    {
        try
        {
            return reader(File.ReadAllText(page).ReplaceLineEndings("\n"));
        }
        catch (FormatException exception)
        {
            throw new FormatException($"{Path.GetFileName(page)}: {exception.Message}", exception);
        }
    }

    private static void WriteText(string path, string text) => File.WriteAllText(path, text.ReplaceLineEndings("\n"), new UTF8Encoding(false));
}
