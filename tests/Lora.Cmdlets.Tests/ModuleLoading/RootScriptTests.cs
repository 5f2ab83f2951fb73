using System.Management.Automation;
using System.Management.Automation.Language;

namespace Lora.Commands.Tests.ModuleLoading;

public sealed class RootScriptTests
{
    private const int MostLines = 20;

    private readonly string path = Path.Combine(Repository.Root, "Lora.psm1");

    [Fact]
    public void It_is_short() => Assert.InRange(File.ReadAllLines(path).Length, 1, MostLines);

    [Fact]
    public void It_calls_nothing_but_core_commands()
    {
        using HostedShell shell = HostedShell.Bare();
        ScriptBlockAst script = Parser.ParseFile(path, out _, out ParseError[] errors);
        string[] commands = [.. script.FindAll(ast => ast is CommandAst, searchNestedScriptBlocks: true).Select(ast => ((CommandAst)ast).GetCommandName())];

        Assert.Empty(errors);
        Assert.Equal(["Import-Module", "Import-Module"], commands);
        CmdletInfo command = (CmdletInfo)shell.Run("Get-Command Import-Module").Succeeded().Output.Single().BaseObject;
        Assert.Equal("Microsoft.PowerShell.Core", command.ModuleName);
    }

    [Fact]
    public void It_defines_no_function_and_changes_no_preference()
    {
        ScriptBlockAst script = Parser.ParseFile(path, out _, out _);

        Assert.Null(script.Find(ast => ast is FunctionDefinitionAst, searchNestedScriptBlocks: true));
        Assert.All(
            script.FindAll(ast => ast is AssignmentStatementAst, searchNestedScriptBlocks: true),
            ast => Assert.DoesNotContain("Preference", ((AssignmentStatementAst)ast).Left.Extent.Text, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public void A_module_that_was_not_built_says_so()
    {
        string folder = Directory.CreateTempSubdirectory("lora-unbuilt-").FullName;
        try
        {
            foreach (string file in new[] { "Lora.psd1", "Lora.psm1", "Lora.Format.ps1xml" })
            {
                File.Copy(Path.Combine(Repository.Root, file), Path.Combine(folder, file));
            }

            using HostedShell shell = HostedShell.Bare();
            ShellResult result = shell.With("module", Path.Combine(folder, "Lora.psd1")).Run("Import-Module $module");

            Assert.Contains("./build.ps1", Assert.Single(result.Errors).Exception.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
