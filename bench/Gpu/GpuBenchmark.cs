using System.Diagnostics;
using System.Globalization;
using Lora.Native;

namespace Lora.Bench;

/// <summary>
/// All that has to be seen on a card once, in one command of less than five minutes: operators, steps, families, a run, memory and speed, the checks first. Without a
/// card the same code runs on the processor, by the same operators where it has them, on what is small.
/// </summary>
internal static class GpuBenchmark
{
    /// <summary>The first argument of the process that runs the checks.</summary>
    public const string Companion = "gpu-checks";

    // Together less than five minutes, the build not counted; a processor that others take too has less to do and may be slow at it.
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(270);
    private static readonly TimeSpan TimeWithoutCard = TimeSpan.FromHours(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static void Run()
    {
        GpuReport report = new(Repository.Path("artifacts", "bench", $"gpu-{DateTime.UtcNow:yyyyMMdd-HHmmss}.json"));
        new CheckProcess(Start, NvidiaManagement.IsThere() ? Time : TimeWithoutCard, Patience, report.Add).Run();
        report.End();
        Environment.ExitCode = report.IsHeld ? 0 : 1;
    }

    private static ProcessStartInfo Start(int done, TimeSpan time) => new(
        "dotnet", [typeof(GpuBenchmark).Assembly.Location, Companion, done.ToString(CultureInfo.InvariantCulture), time.TotalSeconds.ToString(CultureInfo.InvariantCulture)]);
}
