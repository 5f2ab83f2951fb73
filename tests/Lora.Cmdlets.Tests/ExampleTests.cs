namespace Lora.Commands.Tests;

/// <summary>Runs the example scripts as a newcomer does, in the project's own shell.</summary>
public class ExampleTests
{
    [Fact]
    public void The_first_adapter_learns_its_task_and_is_exported()
    {
        string output = Directory.CreateTempSubdirectory("lora example ").FullName;
        ShellProcess.Outcome outcome = ShellProcess.Run([Path.Combine(Repository.Root, "examples", "01-first-adapter.ps1"), "-OutputPath", output]);

        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Contains("Adapted model:    Note: fox.", outcome.Output, StringComparison.Ordinal);
        Assert.Matches("Evaluation before: loss 7.*\n.*Evaluation after:  loss 0", outcome.Output.ReplaceLineEndings("\n"));
        Assert.True(File.Exists(Path.Combine(output, "adapter_model.safetensors")));
        Directory.Delete(output, recursive: true);
    }
}
