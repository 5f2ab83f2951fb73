using System.Management.Automation;
using Lora.Commands.Tests.Commands;
using Lora.Tools.Help;

namespace Lora.Commands.Tests.Help;

/// <summary>Runs every example of the help, page by page, in a folder that holds ./model, ./train.jsonl, ./validation.jsonl and ./adapter.</summary>
public sealed class ExampleRunTests : IClassFixture<HostedShell>, IDisposable
{
    private readonly HostedShell shell;
    private readonly ExampleFolder files = new();

    public ExampleRunTests(HostedShell shell)
    {
        this.shell = files.Share(shell);
        Directory.CreateDirectory(files.File("model"));
        foreach (string file in Directory.GetFiles(ExampleFolder.Model))
        {
            File.Copy(file, files.File(Path.Combine("model", Path.GetFileName(file))));
        }

        File.Copy(ExampleFolder.Train, files.File("train.jsonl"));
        File.Copy(ExampleFolder.Validation, files.File("validation.jsonl"));
        shell.Run("$ExecutionContext.SessionState.Path.SetLocation([WildcardPattern]::Escape($output))").Succeeded();
        shell.Run("""
            New-LoraConfig -Model ./model -TargetModule q_proj -Rank 4 |
                Invoke-LoraTraining -Dataset ./train.jsonl -MaxStep 1 |
                Export-LoraAdapter ./adapter
            """).Succeeded();
    }

    public static TheoryData<string> Names { get; } = [.. HelpSource.Names];

    public void Dispose()
    {
        shell.With("root", Repository.Root).Run("$ExecutionContext.SessionState.Path.SetLocation([WildcardPattern]::Escape($root))").Succeeded();
        files.Dispose();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_example_runs_without_a_warning(string name)
    {
        IReadOnlyList<string> examples = MarkdownSection.Fenced(HelpSource.Text(name), "powershell");

        Assert.NotEmpty(examples);
        Assert.All(examples, code =>
        {
            ShellResult result = shell.Run($"& {{\n{code}\n}}").Succeeded();
            Assert.Equal(PSInvocationState.Completed, result.State);
            Assert.Empty(result.Warnings);
        });
    }

    [Fact]
    public void Examples_write_what_their_remarks_say()
    {
        foreach (string code in MarkdownSection.Fenced(HelpSource.Text("Invoke-LoraTraining"), "powershell"))
        {
            shell.Run(code).Succeeded();
        }

        Assert.True(File.Exists(files.File("my-adapter/adapter_model.safetensors")));
        Assert.True(File.Exists(files.File("runs/rank2/adapter_config.json")));
        Assert.True(File.Exists(files.File("runs/rank4/adapter_config.json")));
    }
}
