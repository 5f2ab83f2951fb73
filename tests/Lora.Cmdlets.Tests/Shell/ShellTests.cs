using System.Diagnostics;

namespace Lora.Commands.Tests.Shell;

/// <summary>Lora.Shell as its users start it.</summary>
public sealed class ShellTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lora shell ").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Without_arguments_it_explains_itself_and_exits_with_2()
    {
        ShellProcess.Outcome outcome = ShellProcess.Run([]);

        Assert.Equal(2, outcome.ExitCode);
        Assert.Equal("", outcome.Output);
        Assert.StartsWith("usage: Lora.Shell", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Objects_go_to_the_output_as_tables_and_the_rest_to_the_error_stream()
    {
        ShellProcess.Outcome outcome = ShellProcess.Run(["-Command", "[pscustomobject]@{ A = 1; B = 'x' }; No-SuchCommand"]);

        Assert.Equal("A B\n- -\n1 x", outcome.Output.Trim('\n'));
        Assert.Contains("No-SuchCommand", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_terminating_error_is_told_with_its_place_on_the_error_stream_alone()
    {
        ShellProcess.Outcome outcome = ShellProcess.Run([Script("'first'\nthrow 'bad'")]);

        Assert.Equal("first\n", outcome.Output);
        Assert.Matches("script.ps1:2(.|\n)*bad", outcome.Error);
        Assert.Equal(1, outcome.ExitCode);
    }

    [Theory]
    [InlineData("exit 7", 7)]
    [InlineData("'fine'; No-SuchCommand", 1)]
    [InlineData("if (", 1)]
    public void The_exit_code_of_a_command_says_how_it_ended(string text, int expected) =>
        Assert.Equal(expected, ShellProcess.Run(["-Command", text]).ExitCode);

    [Theory]
    [InlineData("exit $Code", 4)]
    [InlineData("'fine'", 0)]
    public void A_script_gets_its_arguments_and_gives_its_exit_code(string body, int expected)
    {
        string script = Script($"param([int] $Code, [switch] $Flag, [string] $Name)\n\"$PSScriptRoot|$Flag|$Name\"\n{body}");

        ShellProcess.Outcome outcome = ShellProcess.Run([script, "-Code", "4", "-Flag", "it's -Name; 1"]);

        Assert.Equal(expected, outcome.ExitCode);
        Assert.StartsWith($"{folder}|True|it's -Name; 1\n", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_is_a_line_for_every_tenth_where_the_output_is_not_a_terminal()
    {
        ShellProcess.Outcome outcome = ShellProcess.Run(["-Command", """
            foreach ($percent in 0..100) {
                $record = [System.Management.Automation.ProgressRecord]::new(1, 'Training', 'step')
                $record.PercentComplete = $percent
                $Host.UI.WriteProgress(1, $record)
            }
            """]);
        string[] lines = outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(11, lines.Length);
        Assert.Equal("Training [##########..........] 50 % step", lines[5]);
        Assert.Equal("", outcome.Output);
    }

    [Fact]
    public void A_script_that_is_not_there_is_a_wrong_call() =>
        Assert.Equal(2, ShellProcess.Run([Path.Combine(folder, "missing.ps1")]).ExitCode);

    [Fact]
    public void Ctrl_C_stops_the_pipeline_and_runs_what_a_script_does_finally()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "A console signal reaches the test's own process group there.");
        string script = Script("try { 'started'; [System.Threading.Thread]::Sleep(100); while ($true) { } } finally { [System.Console]::WriteLine('cleaned up') }");
        using Process process = ShellProcess.Start([script]);
        Assert.Equal("started", process.StandardOutput.ReadLine());

        using (Process kill = Process.Start("kill", ["-INT", $"{process.Id}"]))
        {
            kill.WaitForExit();
        }

        ShellProcess.Outcome outcome = ShellProcess.Finish(process);

        Assert.Equal(130, outcome.ExitCode);
        Assert.Equal("cleaned up\n", outcome.Output);
    }

    private string Script(string text)
    {
        string path = Path.Combine(folder, "script.ps1");
        File.WriteAllText(path, text);
        return path;
    }
}
