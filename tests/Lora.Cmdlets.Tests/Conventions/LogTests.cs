using System.Text.RegularExpressions;

namespace Lora.Commands.Tests.Conventions;

/// <summary>docs/log.md: an experiment can be found by its date and taken again by its command.</summary>
public sealed class LogTests
{
    private readonly string text = Read("docs", "log.md");

    [Fact]
    public void Every_entry_has_a_date_and_none_is_older_than_the_one_below_it()
    {
        string[] headings = [.. Regex.Matches(text, "^## (.*)$", RegexOptions.Multiline).Select(match => match.Groups[1].Value)];

        Assert.NotEmpty(headings);
        Assert.All(headings, heading => Assert.Matches(@"^\d{4}-\d{2}-\d{2}: \S", heading));
        Assert.Equal(headings.Select(heading => heading[..10]).OrderDescending(StringComparer.Ordinal), headings.Select(heading => heading[..10]));
        Assert.Distinct(headings);
    }

    [Fact]
    public void Every_entry_has_a_figure() => Assert.All(
        Regex.Split(text, "^## .*$", RegexOptions.Multiline).Skip(1),
        entry => Assert.Matches(@"\d", entry));

    [Theory]
    [InlineData("docs", "log.md")]
    [InlineData("README.md")]
    public void Every_benchmark_that_it_names_is_there(params string[] path)
    {
        string benchmarks = Read("bench", "Program.cs");
        string[] named = [.. Regex.Matches(Read(path), @"(?:bench|\.\.\.) -- (?<name>[a-z][a-z0-9-]*)").Select(match => match.Groups["name"].Value).Distinct()];

        Assert.NotEmpty(named);
        Assert.All(named, name => Assert.Contains($"(\"{name}\", ", benchmarks));
    }

    private static string Read(params string[] parts) => File.ReadAllText(Path.Combine([Repository.Root, .. parts])).ReplaceLineEndings("\n");
}
