using System.Diagnostics;

namespace Lora.Commands.Tests;

/// <summary>Runs Lora.Shell as a process of its own, for what one process can only do once.</summary>
internal static class ShellProcess
{
    private static readonly string Assembly =
        Path.Combine(AppContext.BaseDirectory.Replace("Lora.Cmdlets.Tests", "Lora.Shell", StringComparison.Ordinal), "Lora.Shell.dll");

    /// <summary>Runs a text in which the module can be imported as $module.</summary>
    public static Outcome Command(string text, params (string Name, string? Value)[] environment) =>
        Run(["-Command", $"$module = '{Repository.Manifest}'; {text}"], environment);

    public static Outcome Run(string[] arguments, params (string Name, string? Value)[] environment)
    {
        using Process process = Start(arguments, environment);
        return Finish(process);
    }

    public static Process Start(string[] arguments, params (string Name, string? Value)[] environment)
    {
        ProcessStartInfo start = new("dotnet", [Assembly, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository.Root,
        };
        foreach ((string name, string? value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    public static Outcome Finish(Process process)
    {
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new(process.ExitCode, output.ReplaceLineEndings("\n"), errors.Result.ReplaceLineEndings("\n"));
    }

    internal sealed record Outcome(int ExitCode, string Output, string Error);
}
