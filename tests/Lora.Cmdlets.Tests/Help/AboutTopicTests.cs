using Lora.Tools.Help;

namespace Lora.Commands.Tests.Help;

public sealed class AboutTopicTests(HostedShell shell) : IClassFixture<HostedShell>
{
    private const int Columns = 80;

    private readonly string file = Path.Combine(Repository.Root, "en-US", "about_Lora.help.txt");

    [Fact]
    public void Get_Help_finds_it() => Assert.Equal(
        File.ReadAllText(file).Trim(),
        string.Join('\n', shell.Run("Get-Help about_Lora").Succeeded().Texts).ReplaceLineEndings("\n").Trim());

    [Fact]
    public void It_has_the_sections_that_a_topic_has() => Assert.Equal(
        ["TOPIC", "SHORT DESCRIPTION", "LONG DESCRIPTION", "EXAMPLES", "SEE ALSO"],
        File.ReadLines(file).Where(line => line.Length > 0 && line[0] != ' '));

    [Fact]
    public void It_is_UTF_8_without_a_mark_and_80_columns_wide()
    {
        Assert.Equal((byte)'T', File.ReadAllBytes(file)[0]);
        Assert.All(File.ReadLines(file), line => Assert.InRange(line.Length, 0, Columns));
    }

    [Fact]
    public void Every_cmdlet_is_named_in_it() =>
        Assert.All(HelpSource.Pages, page => Assert.Contains(page.Name, File.ReadAllText(file), StringComparison.Ordinal));

    [Fact]
    public void A_line_of_code_that_is_too_wide_stops_the_build()
    {
        FormatException exception = Assert.Throws<FormatException>(
            () => AboutTopic.Render($"# about_X\n\n## EXAMPLES\n\n```powershell\n{new string('x', Columns)}\n```\n"));
        Assert.Contains("wider than", exception.Message, StringComparison.Ordinal);
    }
}
