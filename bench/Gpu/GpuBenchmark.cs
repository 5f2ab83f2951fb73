using System.Diagnostics;
using System.Globalization;
using Lora.Native;

namespace Lora.Bench;

/// <summary>
/// All that has to be seen on a card once, in one command of less than five minutes, what is wanted most first: a step, its speed and memory, then operators, families,
/// forms, runs and a lack of memory. Without a card the same code runs on the processor, by the same operators where it has them, on what is small.
/// </summary>
internal static class GpuBenchmark
{
    /// <summary>The first argument of the process that runs the checks.</summary>
    public const string Companion = "gpu-checks";

    // Together less than five minutes, the build not counted; a processor that others take too has less to do and may be slow at it.
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(270);
    private static readonly TimeSpan TimeWithoutCard = TimeSpan.FromHours(1);
    private static readonly TimeSpan OfCheck = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static void Run()
    {
        GpuReport report = new(Repository.Path("artifacts", "bench", $"gpu-{DateTime.UtcNow:yyyyMMdd-HHmmss}.json"));

        // Boards without the management library have a driver that tells.
        bool isCard = NvidiaManagement.IsThere() || NvidiaManagement.Memory(0) is not null;
        new CheckProcess(Start, isCard ? Time : TimeWithoutCard, isCard ? OfCheck : TimeWithoutCard, Patience, report.Add).Run();
        report.End();
        Environment.ExitCode = report.IsHeld ? 0 : 1;
    }

    private static ProcessStartInfo Start(int done, TimeSpan time)
    {
        // As this process was: a host that is not in the path has started it too.
        string program = Environment.ProcessPath!;
        bool isHost = Path.GetFileNameWithoutExtension(program).Equals("dotnet", StringComparison.OrdinalIgnoreCase);
        string[] arguments = [Companion, done.ToString(CultureInfo.InvariantCulture), time.TotalSeconds.ToString(CultureInfo.InvariantCulture)];
        return new(program, isHost ? [typeof(GpuBenchmark).Assembly.Location, .. arguments] : arguments);
    }
}
