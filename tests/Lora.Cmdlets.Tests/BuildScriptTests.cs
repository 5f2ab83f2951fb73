using System.Management.Automation.Language;

namespace Lora.Commands.Tests;

public sealed class BuildScriptTests
{
    private static readonly string File = Path.Combine(Repository.Root, "build.ps1");

    private readonly ScriptBlockAst script = Parser.ParseFile(File, out _, out _);

    [Fact]
    public void It_parses_and_asks_for_PowerShell_7_6()
    {
        Parser.ParseFile(File, out _, out ParseError[] errors);

        Assert.Empty(errors);
        Assert.Equal(new Version(7, 6), script.ScriptRequirements.RequiredPSVersion);
    }

    [Fact]
    public void Its_parameters_are_those_that_the_documentation_names() => Assert.Equal(
        ["Task", "Configuration", "TorchBackend", "Runtime"],
        script.ParamBlock.Parameters.Select(parameter => parameter.Name.VariablePath.UserPath));

    [Fact]
    public void Each_task_has_its_function()
    {
        IEnumerable<string> tasks = ((AttributeAst)script.ParamBlock.Parameters[0].Attributes[0]).PositionalArguments.Select(task => (string)task.SafeGetValue());

        Assert.All(tasks, task => Assert.Contains("Invoke-" + task, Functions()));
    }

    [Fact]
    public void It_calls_core_commands_native_programs_and_Pester_only()
    {
        using HostedShell shell = HostedShell.Bare();
        IEnumerable<string> called = script.FindAll(ast => ast is CommandAst, searchNestedScriptBlocks: true)
            .Select(ast => ((CommandAst)ast).GetCommandName())
            .Where(name => name is not null and not "dotnet" and not "Invoke-Pester")
            .Except(Functions());

        Assert.All(called.Distinct(), name => Assert.Equal(
            "Microsoft.PowerShell.Core", shell.With("name", name).Run("(Get-Command $name).ModuleName").Succeeded().Texts.Single()));
    }

    [Fact]
    public void The_package_has_the_manifest_what_it_names_the_licences_and_the_help()
    {
        AssignmentStatementAst list = (AssignmentStatementAst)script.Find(
            ast => ast is AssignmentStatementAst { Left: VariableExpressionAst { VariablePath.UserPath: "moduleFiles" } }, searchNestedScriptBlocks: false);
        string[] files = [.. list.Right.FindAll(ast => ast is StringConstantExpressionAst, searchNestedScriptBlocks: false).Select(ast => ((StringConstantExpressionAst)ast).Value)];

        Assert.Empty(new[] { "Lora.psd1", "Lora.psm1", "Lora.Format.ps1xml", "LICENSE", "THIRD-PARTY-NOTICES.txt", "CHANGELOG.md" }.Except(files));
        Assert.Equal(
            Directory.GetFiles(Path.Combine(Repository.Root, "en-US")).Select(file => "en-US/" + Path.GetFileName(file)).Order(StringComparer.Ordinal),
            files.Where(file => file.StartsWith("en-US/", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.All(files, file => Assert.True(System.IO.File.Exists(Path.Combine(Repository.Root, file)), file));
    }

    [Fact]
    public void A_step_that_fails_ends_it_wherever_it_is_called_from()
    {
        string elsewhere = Directory.CreateTempSubdirectory("lora [elsewhere] ").FullName;
        System.IO.File.Copy(File, Path.Combine(elsewhere, "build.ps1"));
        ShellProcess.Outcome outcome = ShellProcess.Run([Path.Combine(elsewhere, "build.ps1"), "-Task", "Docs"]);
        Directory.Delete(elsewhere, recursive: true);

        Assert.NotEqual(0, outcome.ExitCode);
        Assert.Contains("ended with exit code", outcome.Error + outcome.Output, StringComparison.Ordinal);
    }

    private IEnumerable<string> Functions() =>
        script.FindAll(ast => ast is FunctionDefinitionAst, searchNestedScriptBlocks: true).Select(ast => ((FunctionDefinitionAst)ast).Name);
}
