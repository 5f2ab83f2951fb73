using System.Diagnostics;

namespace Lora.Commands.Tests;

/// <summary>Runs a text in PowerShell as a process of its own, for what one process can only do once.</summary>
internal static class ShellProcess
{
    /// <summary>Runs a text in which the module can be imported as $module.</summary>
    public static Outcome Command(string text, params (string Name, string? Value)[] environment)
    {
        // PowerShell compiles ahead, on a thread of its own, what the shell before it ran: types of a training, say, in one that only imports.
        DirectoryInfo cache = Directory.CreateTempSubdirectory("lora-shell-");
        ProcessStartInfo start = new("dotnet", [Repository.PowerShell, "-NoProfile", "-NonInteractive", "-Command", $"$module = '{Repository.Manifest}'; {text}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository.Root,
        };
        start.Environment["XDG_CACHE_HOME"] = cache.FullName;
        start.Environment["DOTNET_TieredPGO"] = "0"; // as in tests/Directory.Build.props
        foreach ((string name, string? value) in environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        cache.Delete(recursive: true);
        return new(process.ExitCode, output.ReplaceLineEndings("\n"), errors.Result.ReplaceLineEndings("\n"));
    }

    internal sealed record Outcome(int ExitCode, string Output, string Error);
}
