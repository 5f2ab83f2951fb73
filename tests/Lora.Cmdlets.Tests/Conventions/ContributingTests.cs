using System.Text.RegularExpressions;

namespace Lora.Commands.Tests.Conventions;

/// <summary>CONTRIBUTING.md's map against the tree, and the sizes that it promises.</summary>
public sealed class ContributingTests
{
    private const int Indent = 2;

    // About twenty files are read at a glance; the rest is room for a change that is under way.
    private const int MostFiles = 24;
    private const int MostLines = 350;

    // The causes of all failures: one idea, and a line for each.
    private const string Catalogue = "src/Lora.Engine/Errors/LoraError.cs";

    // What builds leave beside sources.
    private static readonly HashSet<string> Built = ["bin", "obj", "artifacts", "TestResults"];

    private readonly string text = File.ReadAllText(Path.Combine(Repository.Root, "CONTRIBUTING.md")).ReplaceLineEndings("\n");

    [Fact]
    public void Every_folder_of_the_map_exists_and_says_what_it_is_for() => Assert.All(Map(), entry =>
    {
        Assert.True(Directory.Exists(Path.Combine(Repository.Root, entry.Folder)), $"CONTRIBUTING.md names {entry.Folder}, which is not there: take its line out.");
        Assert.True(entry.Text.Length > 0 || entry.Folder is "src" or "tests" or "tools", $"CONTRIBUTING.md does not say what {entry.Folder} is for.");
    });

    [Fact]
    public void No_folder_is_on_the_map_twice() => Assert.Distinct(Map().Select(entry => entry.Folder));

    [Fact]
    public void Every_folder_of_sources_is_on_the_map()
    {
        HashSet<string> named = [.. Map().Select(entry => entry.Folder)];
        IEnumerable<string> sources = SourceFiles("src", "bench").Select(file => Path.GetDirectoryName(file)!);
        IEnumerable<string> others = new[] { "tests", "tools", "examples", "docs" }
            .SelectMany(folder => Directory.GetDirectories(Path.Combine(Repository.Root, folder)).Prepend(Path.Combine(Repository.Root, folder)))
            .Where(folder => !Built.Contains(Path.GetFileName(folder)))
            .Where(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Any(file => !IsBuilt(file)))
            .Select(Relative);

        Assert.All(sources.Concat(others).Distinct(), folder =>
            Assert.True(named.Contains(folder), $"{folder} is not on CONTRIBUTING.md's map: give it a line that says what it is for."));
    }

    [Fact]
    public void The_way_of_the_data_has_ten_stages_and_every_link_leads_to_a_file()
    {
        string way = text[text.IndexOf("### The way of the data", StringComparison.Ordinal)..text.IndexOf("## How we write", StringComparison.Ordinal)];
        Assert.Equal(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"], Regex.Matches(way, @"^(\d+)\. ", RegexOptions.Multiline).Select(match => match.Groups[1].Value));
        Assert.All(Regex.Split(way, @"^\d+\. ", RegexOptions.Multiline).Skip(1), stage => Assert.Matches(@"\]\(src/", stage));
        Assert.All(Regex.Matches(way, @"\[(?<name>[^\]]+)\]\((?<path>[^)]+)\)").Cast<Match>(), link =>
        {
            Assert.True(File.Exists(Path.Combine(Repository.Root, link.Groups["path"].Value)), $"CONTRIBUTING.md links to {link.Groups["path"].Value}, which is not there.");
            Assert.Equal(link.Groups["name"].Value, Path.GetFileNameWithoutExtension(link.Groups["path"].Value));
        });
    }

    [Fact]
    public void No_folder_has_more_files_than_a_glance_takes() => Assert.All(
        SourceFiles("src", "tests", "tools", "bench", "examples").GroupBy(Path.GetDirectoryName),
        folder => Assert.True(folder.Count() <= MostFiles, $"{folder.Key} has {folder.Count()} files, and {MostFiles} is the most: what happens there wants rooms."));

    [Fact]
    public void No_file_is_longer_than_a_reader_stays() => Assert.All(SourceFiles("src", "tests", "tools", "bench", "examples").Where(file => file != Catalogue), file =>
    {
        int lines = File.ReadLines(Path.Combine(Repository.Root, file)).Count();
        Assert.True(lines <= MostLines, $"{file} has {lines} lines, and {MostLines} is the most: it holds more than one idea.");
    });

    /// <summary>The folders of the map, with slashes and without one at the end, and what is said of them.</summary>
    private List<(string Folder, string Text)> Map()
    {
        List<(string Folder, string Text)> found = [];
        List<string> above = [];
        Match block = Regex.Match(text, @"```\n(src/.*?)```", RegexOptions.Singleline);
        Assert.True(block.Success);
        foreach (string line in block.Groups[1].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            Match entry = Regex.Match(line, @"^(?<indent> *)(?<name>[\w.-]+)/ *(?<text>.*)$");
            Assert.True(entry.Success, $"'{line}' is not a line of the map.");
            int depth = entry.Groups["indent"].Length / Indent;
            Assert.True(depth <= above.Count, $"'{line}' is in no folder.");
            above = [.. above.Take(depth), entry.Groups["name"].Value];
            found.Add((string.Join('/', above), entry.Groups["text"].Value));
        }

        return found;
    }

    private static IEnumerable<string> SourceFiles(params string[] folders) => folders
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories))
        .Where(file => !IsBuilt(file))
        .Select(Relative);

    private static bool IsBuilt(string file) => Relative(file).Split('/').Any(Built.Contains);

    private static string Relative(string path) => Path.GetRelativePath(Repository.Root, path).Replace('\\', '/');
}
