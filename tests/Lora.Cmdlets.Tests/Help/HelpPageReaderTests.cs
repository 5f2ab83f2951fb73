using System.Xml.Linq;
using Lora.Tools.Help;

namespace Lora.Commands.Tests.Help;

public sealed class HelpPageReaderTests
{
    private const string Page = """
        # Get-Thing

        ## SYNOPSIS

        Gets `things`.

        ## SYNTAX

        ### Path (Default)

        ```
        Get-Thing [-Path] <string[]> [[-Depth] <int>]
          [-All] [-Filter <string>] -Kind <ThingKind> [<CommonParameters>]
        ```

        ## DESCRIPTION

        See the [site](https://example.org/things).

        | Sign | Means |
        | --- | --- |
        | `*` | all |

        ## EXAMPLES

        ### Example 1: All

        ```powershell
        # a comment, no heading
        Get-Thing .
        ```

        Gets all.

        ## PARAMETERS

        ### -Path

        Where.

        ```yaml
        Type: string[]
        Parameter Sets: Path
        Aliases: LP

        Required: True
        Position: 0
        Default value: None
        Accept pipeline input: True (ByValue)
        Accept wildcard characters: True
        ```

        ## INPUTS

        ## OUTPUTS

        ## RELATED LINKS

        [Get-Other](Get-Other.md)
        """;

    private static readonly XNamespace Command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace Maml = "http://schemas.microsoft.com/maml/2004/10";

    [Fact]
    public void Comments_of_an_example_are_no_headings() =>
        Assert.Equal("# a comment, no heading\nGet-Thing .", HelpPageReader.Read(Page).Examples.Single().Code);

    [Fact]
    public void A_parameter_has_the_facts_of_its_block()
    {
        HelpParameterFacts facts = HelpPageReader.Read(Page).Parameters.Single().Facts;

        Assert.Equal(("string[]", true, "0", "None", "True (ByValue)", true), (facts.Type, facts.IsRequired, facts.Position, facts.Default, facts.PipelineInput, facts.AcceptsWildcards));
        Assert.Equal(["LP"], facts.Aliases);
    }

    [Fact]
    public void Each_form_of_a_parameter_in_the_syntax_is_understood()
    {
        string[] names = ["Depth", "All", "Filter", "Kind"];
        string page = names.Aggregate(Page, (text, name) => text.Replace(
            "\n## INPUTS", $"\n### -{name}\n\nX.\n\n```yaml\nType: {(name == "All" ? "SwitchParameter" : "int")}\nParameter Sets: Path\nAliases:\nRequired: False\nPosition: Named\nDefault value: None\nAccept pipeline input: False\nAccept wildcard characters: False\n```\n\n## INPUTS", StringComparison.Ordinal));

        Assert.Equal(
            ["Path true 0", "Depth false 1", "All false Named", "Filter false Named", "Kind true Named"],
            MamlWriter.Write([HelpPageReader.Read(page)]).Descendants(Command + "syntaxItem").Single().Elements(Command + "parameter")
                .Select(parameter => $"{parameter.Element(Maml + "name")!.Value} {parameter.Attribute("required")!.Value} {parameter.Attribute("position")!.Value}"));
    }

    [Fact]
    public void Text_loses_the_signs_of_markdown_and_tables_become_columns()
    {
        string single = Page.Replace(" [[-Depth] <int>]\n  [-All] [-Filter <string>] -Kind <ThingKind>", "", StringComparison.Ordinal);
        string[] paragraphs = [.. MamlWriter.Write([HelpPageReader.Read(single)]).Descendants(Maml + "para").Select(paragraph => paragraph.Value)];

        Assert.Contains("Gets things.", paragraphs);
        Assert.Contains("See the site (https://example.org/things).", paragraphs);
        Assert.Contains("Sign  Means\n*     all", paragraphs);
    }

    [Theory]
    [InlineData("## SYNOPSIS", "'SYNOPSIS' is missing")]
    [InlineData("Aliases: LP\n", "'Aliases:' is missing")]
    [InlineData("Required: True", "neither True nor False")]
    [InlineData("```powershell\n# a comment, no heading\nGet-Thing .\n```", "block of code under 'Example 1: All'")]
    public void What_is_missing_is_named(string removed, string expected)
    {
        string replacement = removed.StartsWith("Required", StringComparison.Ordinal) ? "Required: Yes" : "";
        FormatException exception = Assert.Throws<FormatException>(() => HelpPageReader.Read(Page.Replace(removed, replacement, StringComparison.Ordinal)));
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_parameter_of_the_syntax_that_is_not_described_is_named() => Assert.Contains(
        "-Depth", Assert.Throws<FormatException>(() => MamlWriter.Write([HelpPageReader.Read(Page)])).Message, StringComparison.Ordinal);
}
