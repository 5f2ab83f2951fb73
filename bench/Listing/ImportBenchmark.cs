using System.Diagnostics;
using System.Globalization;

namespace Lora.Bench;

/// <summary>How long Import-Module takes: in new processes, the first of them with whatever the disk cache holds, and again in the same process.</summary>
internal static class ImportBenchmark
{
    private const int Processes = 7;

    public static void Run()
    {
        double[][] runs = [.. Enumerable.Range(0, Processes).Select(_ => TimesOfOneProcess())];
        Table.Head("Import-Module, ms", "median (range)");
        Table.Row("first process", $"{runs[0][0] * 1e3:G3}");
        Table.Row("other new processes", Measurement.Of([.. runs.Skip(1).Select(run => run[0])]).Milliseconds());
        Table.Row("again with -Force in the same process", Measurement.Of([.. runs.SelectMany(run => run.Skip(1))]).Milliseconds());
    }

    private static double[] TimesOfOneProcess()
    {
        string manifest = Repository.Path("Lora.psd1");
        string script = $$"""
            1..5 | ForEach-Object {
                $watch = [Diagnostics.Stopwatch]::StartNew(); Import-Module '{{manifest}}' -Force; $watch.Elapsed.TotalSeconds.ToString('R')
            }
            """;
        ProcessStartInfo start = new("dotnet", [Repository.PowerShell, "-NoProfile", "-Command", script]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => double.Parse(line, CultureInfo.InvariantCulture))];
    }
}
