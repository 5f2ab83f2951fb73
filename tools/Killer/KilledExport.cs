using System.Diagnostics;
using Lora.Checkpoints;
using Lora.Export;

namespace Lora.Tools.Killer;

/// <summary>An export to a GGUF file that ends itself at a moment, as a killed process does.</summary>
internal static class KilledExport
{
    private const string FileMoment = "file ";

    /// <summary>The moments: bytes written, in hundredths of all, and the file's new name as the system tells it.</summary>
    public static IReadOnlyList<string> Moments { get; } = ["0", "1", "10", "50", "99", "100", FileMoment];

    /// <summary>Writes the model over what is there, until the moment comes; an empty one never does.</summary>
    public static int Run(string model, string output, string moment)
    {
        using FileSystemWatcher? watcher = moment == FileMoment ? new(Path.GetDirectoryName(output)!) : null;
        if (watcher is not null)
        {
            watcher.Renamed += (_, _) => Kill();
            watcher.EnableRaisingEvents = true;
        }

        if (moment == "0")
        {
            GgufModel.Write(null, model, output, LoraTensorType.Q8_0, Killed, new() { Overwrite = true, Thread = 1 });
        }

        GgufModel.Write(null, model, output, LoraTensorType.Q8_0, NoVocabulary, new() { Overwrite = true, Thread = 1 }, new Watch(moment));
        return 0;
    }

    private static (IReadOnlyList<GgufField> Fields, IReadOnlyList<string> Notes) NoVocabulary(string folder, int rows, IReadOnlyList<string> newTokens, string? template) =>
        ([new("tokenizer.ggml.model", GgufValue.Of("none"))], []);

    private static (IReadOnlyList<GgufField> Fields, IReadOnlyList<string> Notes) Killed(string folder, int rows, IReadOnlyList<string> newTokens, string? template)
    {
        Kill();
        return ([], []);
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
