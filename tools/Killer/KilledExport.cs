using System.Diagnostics;
using Lora.Export;

namespace Lora.Tools.Killer;

/// <summary>An export to a GGUF file that ends itself at a moment, as a killed process does.</summary>
internal static class KilledExport
{
    private const string FileMoment = "file ";

    /// <summary>The moments: bytes written, in hundredths of all, and the file's new name as the system tells it.</summary>
    public static IReadOnlyList<string> Moments { get; } = ["1", "10", "50", "99", "100", FileMoment];

    /// <summary>Writes the model over what is there, until the moment comes; an empty one never does.</summary>
    public static int Run(string model, string output, string moment)
    {
        using FileSystemWatcher? watcher = moment == FileMoment ? new(Path.GetDirectoryName(output)!) : null;
        if (watcher is not null)
        {
            watcher.Renamed += (_, _) => Kill();
            watcher.EnableRaisingEvents = true;
        }

        GgufModel.Write(null, model, output, LoraTensorType.Q8_0, new() { Overwrite = true, Thread = 1 }, new Watch(moment));
        return 0;
    }

    private static void Kill()
    {
        Process.GetCurrentProcess().Kill();
        Thread.Sleep(Timeout.Infinite);
    }

    private sealed class Watch(string moment) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value)
        {
            if (int.TryParse(moment, out int part) && value.Done * 100 >= (value.Total ?? 0) * part)
            {
                Kill();
            }
        }
    }
}
