using System.Diagnostics;
using System.IO.Pipes;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace Lora.Pester;

/// <summary>PowerShell with Pester, in one process for all files: starting one takes as long as most files do.</summary>
/// <param name="file">Names of files, as a wildcard without the ending.</param>
/// <param name="test">Names of tests, as a wildcard.</param>
/// <param name="isListing">Tests are found, and not run.</param>
internal sealed class PesterProcess(string file, string test, bool isListing) : IDisposable
{
    private readonly string pipeName = $"lora-pester-{Environment.ProcessId}";
    private readonly StringBuilder output = new();
    private readonly Process process = new();

    /// <summary>Runs the files and gives each test when its file is done. A process that ends badly is a test that failed.</summary>
    public async IAsyncEnumerable<PesterTest> RunAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await using NamedPipeServerStream pipe = new(pipeName, PipeDirection.In, 1, PipeTransmissionMode.Byte, PipeOptions.Asynchronous);
        Start();
        await using CancellationTokenRegistration ended = cancellation.Register(() => process.Kill(entireProcessTree: true));
        Task exit = process.WaitForExitAsync(CancellationToken.None);
        if (await Task.WhenAny(pipe.WaitForConnectionAsync(cancellation), exit) != exit)
        {
            using StreamReader lines = new(pipe);
            while (await lines.ReadLineAsync(cancellation) is { } line)
            {
                yield return JsonSerializer.Deserialize(line, PesterTestJson.Default.PesterTest)!;
            }
        }

        await exit;
        if (process.ExitCode != 0)
        {
            yield return new(Script, 0, "Pester runs to its end", "Failed", 0, $"pwsh ended with exit code {process.ExitCode}.\n{output}", "");
        }
    }

    public void Dispose() => process.Dispose();

    private static string Script => Path.Combine(AppContext.BaseDirectory, "Invoke-PesterFile.ps1");

    private void Start()
    {
        string root = Metadata("RepositoryRoot");
        process.StartInfo = new ProcessStartInfo("dotnet",
        [
            Metadata("PowerShell"), "-NoProfile", "-NonInteractive", "-File", Script,
            "-Pester", Metadata("Pester"), "-Path", Path.Combine(root, "tests", file + ".Tests.ps1"), "-Name", test, "-PipeName", pipeName, $"-SkipRun:${isListing}",
        ])
        {
            WorkingDirectory = root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // Test projects run at the same time, and OpenMP's threads wait for each other by spinning.
        process.StartInfo.Environment["OMP_NUM_THREADS"] = "1";
        process.StartInfo.Environment["POWERSHELL_TELEMETRY_OPTOUT"] = "1";
        process.StartInfo.Environment["DOTNET_TieredPGO"] = "0"; // as in tests/Directory.Build.props
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    private void Keep(string? line)
    {
        lock (output)
        {
            output.AppendLine(line);
        }
    }

    private static string Metadata(string key) => typeof(PesterProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == key).Value!;
}
