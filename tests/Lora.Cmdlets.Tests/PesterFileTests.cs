using System.Management.Automation;
using System.Management.Automation.Language;
using System.Text.RegularExpressions;

namespace Lora.Commands.Tests;

/// <summary>The Pester files run in pwsh; here they are read: what they name of the module has to be there.</summary>
public sealed partial class PesterFileTests(HostedShell shell) : IClassFixture<HostedShell>
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests");

    public static TheoryData<string> Files { get; } = [.. Directory.GetFiles(Folder, "*.Tests.ps1").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    [Fact]
    public void Every_cmdlet_has_a_file() =>
        Assert.All(Cmdlets.Names, name => Assert.True(File.Exists(Path.Combine(Folder, name + ".Tests.ps1")), name));

    [Theory]
    [MemberData(nameof(Files))]
    public void It_parses_and_asks_for_the_versions_it_needs(string file)
    {
        ScriptBlockAst script = Parse(file);

        Assert.Equal(new Version(7, 6), script.ScriptRequirements.RequiredPSVersion);
        Assert.Equal("Pester", Assert.Single(script.ScriptRequirements.RequiredModules).Name);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void The_parameters_of_the_module_s_cmdlets_exist(string file) => Assert.All(
        Commands(file).Where(command => Cmdlets.Names.Contains(command.GetCommandName())),
        command =>
        {
            ICollection<string> known = Parameters(command.GetCommandName());
            Assert.All(command.CommandElements.OfType<CommandParameterAst>(), parameter => Assert.Contains(parameter.ParameterName, known));
        });

    [Theory]
    [MemberData(nameof(Files))]
    public void The_error_ids_can_occur(string file) => Assert.All(ErrorIds().Matches(Parse(file).Extent.Text), match =>
    {
        string id = match.Groups["id"].Value;
        Assert.True(id == "ParameterArgumentValidationError" || (id.StartsWith("Lora", StringComparison.Ordinal) && Enum.TryParse(id[4..], out LoraError _)), id);
        Assert.Contains(match.Groups["class"].Value, Cmdlets.Types.Select(type => type.FullName));
    });

    [Theory]
    [MemberData(nameof(Files))]
    public void Sentences_of_one_block_differ(string file) => Assert.All(
        Commands(file).Where(command => command.GetCommandName() == "It").GroupBy(command => command.Parent.Parent),
        block => Assert.Distinct(block.Select(command => command.CommandElements[1].Extent.Text)));

    [Fact]
    public void Example_scripts_take_the_folder_that_the_files_give_them() => Assert.All(
        Directory.GetFiles(Path.Combine(Repository.Root, "examples"), "*.ps1"),
        example => Assert.Contains("OutputPath", ((ScriptBlockAst)Parser.ParseFile(example, out _, out _)).ParamBlock.Parameters.Select(parameter => parameter.Name.VariablePath.UserPath)));

    private HashSet<string> Parameters(string command) =>
        ((CmdletInfo)shell.Run("Get-Command " + command).Succeeded().Output.Single().BaseObject).Parameters.Values
            .SelectMany(parameter => parameter.Aliases.Append(parameter.Name)).ToHashSet();

    private static IEnumerable<CommandAst> Commands(string file) =>
        Parse(file).FindAll(ast => ast is CommandAst, searchNestedScriptBlocks: true).Cast<CommandAst>();

    private static ScriptBlockAst Parse(string file)
    {
        ScriptBlockAst script = Parser.ParseFile(Path.Combine(Folder, file), out _, out ParseError[] errors);
        Assert.Empty(errors);
        return script;
    }

    [GeneratedRegex(@"'(?<id>\w+),(?<class>Lora\.Commands\.\w+)'")]
    private static partial Regex ErrorIds();
}
