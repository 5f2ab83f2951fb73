using System.Management.Automation;
using Lora.Tools.Help;

namespace Lora.Commands.Tests.Help;

/// <summary>What Get-Help shows, asked of the engine itself.</summary>
public sealed class CmdletHelpTests(HostedShell shell) : IClassFixture<HostedShell>
{
    private const int FewestExamples = 2;

    public static TheoryData<string> Names { get; } = [.. Cmdlets.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_synopsis_starts_with_a_verb_and_the_description_says_more(string name)
    {
        Assert.Matches("^[A-Z][a-z]+(s|es) .+\\.$", Text(name, "Synopsis"));
        Assert.NotEmpty(Text(name, "description.Text -join ''"));
        Assert.NotEqual(Text(name, "Synopsis"), Text(name, "description.Text -join ' '"));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_parameter_is_described(string name)
    {
        string[] described = Lines(name, "parameters.parameter | ForEach-Object { if ($_.description.Text) { $_.name } }");
        string[] parameters = [.. Command(name).Parameters.Keys.Except(Cmdlet.CommonParameters)];

        Assert.Equal(parameters.Order(StringComparer.Ordinal), described.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void There_are_two_examples_at_least_each_with_a_remark(string name) => Assert.InRange(
        Lines(name, "examples.example | ForEach-Object { if ($_.code -and ($_.remarks.Text -join '')) { $_.title } }").Length,
        FewestExamples,
        int.MaxValue);

    [Theory]
    [MemberData(nameof(Names))]
    public void Inputs_and_outputs_are_named(string name)
    {
        Assert.NotEmpty(Lines(name, "inputTypes.inputType | ForEach-Object { $_.type.name }"));
        Assert.NotEmpty(Lines(name, "returnValues.returnValue | ForEach-Object { $_.type.name }"));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_online_link_is_that_of_the_cmdlet(string name) => Assert.Equal(
        new CommandMetadata(Command(name)).HelpUri,
        Lines(name, "relatedLinks.navigationLink | ForEach-Object { if ($_.linkText -like 'Online*') { $_.uri } }").Single());

    [Fact]
    public void Links_to_other_pages_lead_somewhere() => Assert.All(
        HelpSource.Pages.SelectMany(page => page.Links).Where(link => link.Address.Length == 0),
        link => Assert.Contains(link.Text, HelpSource.Names));

    [Fact]
    public void Help_has_no_page_of_a_cmdlet_that_is_not_there() => Assert.Equal(
        Cmdlets.Names.Order(StringComparer.Ordinal),
        HelpSource.Names.Where(name => !AboutTopic.IsTopic(name)));

    private CmdletInfo Command(string name) => (CmdletInfo)shell.Run("Get-Command " + name).Succeeded().Output.Single().BaseObject;

    private string Text(string name, string property) => string.Join('\n', Lines(name, property));

    private string[] Lines(string name, string property) => [.. shell.Run($"(Get-Help {name} -Full).{property}").Succeeded().Texts];
}
