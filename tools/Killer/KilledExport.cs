using System.Diagnostics;
using System.Globalization;
using Lora.Adapters;
using Lora.Export;

namespace Lora.Tools.Killer;

/// <summary>An export to a GGUF file, to a folder with the adapter merged in, or to Ollama's folder, that ends itself at a moment, as a killed process does.</summary>
internal static class KilledExport
{
    /// <summary>What the program ends with where the system refuses to write.</summary>
    public const int Refused = 3;

    private const string FileMoment = "file ";
    private const string ProofMoment = "proof";

    private static readonly TimeSpan LongestNews = TimeSpan.FromSeconds(20);

    /// <summary>The moments: bytes written, in hundredths of all, what is written being read back for the proof, and the file's new name as the system tells it.</summary>
    public static IReadOnlyList<string> Moments { get; } = ["1", "10", "50", "99", "100", ProofMoment, FileMoment + "1"];

    /// <summary>Those of a folder, of which several files get new names, the first of them the note of what is done.</summary>
    public static IReadOnlyList<string> FolderMoments { get; } = ["50", "100", ProofMoment, FileMoment + "1", FileMoment + "4"];

    /// <summary>Writes the model over what is there, until the moment comes; an empty one never does.</summary>
    /// <param name="form">gguf, merge or ollama.</param>
    /// <param name="model">The base model's folder.</param>
    /// <param name="adapter">The adapter's folder; empty for none.</param>
    /// <param name="output">The file or the folder.</param>
    /// <param name="moment">When it ends itself.</param>
    public static int Run(string form, string model, string adapter, string output, string moment)
    {
        using FileSystemWatcher? watcher = moment.StartsWith(FileMoment, StringComparison.Ordinal) ? Watched(Path.GetDirectoryName(output)!, int.Parse(moment[FileMoment.Length..], CultureInfo.InvariantCulture)) : null;
        ModelMergeOptions options = new() { Overwrite = true, Thread = 1, SkipVerification = moment != ProofMoment };
        LoraAdapter? added = adapter.Length == 0 ? null : AdapterFolder.Load(adapter);
        Watch watch = new(moment);
        try
        {
            _ = form switch
            {
                "merge" => ModelMerge.Write(added!, model, output, options, watch),
                "ollama" => OllamaModel.Write(added!, model, output, LoraTensorType.Q8_0, options: options, progress: watch),
                _ => GgufModel.Write(added, model, output, LoraTensorType.Q8_0, options, watch),
            };

            // The system tells of a new name when it comes to it, on a busy machine after all is done.
            Thread.Sleep(watcher is null ? TimeSpan.Zero : LongestNews);
            return 0;
        }
        catch (LoraException exception) when (exception.Error == LoraError.OutputFailed)
        {
            Console.Error.WriteLine(exception.Message);
            return Refused;
        }
    }

    private static FileSystemWatcher Watched(string folder, int renames)
    {
        FileSystemWatcher watcher = new(folder) { IncludeSubdirectories = true };
        int left = renames;
        watcher.Renamed += (_, _) =>
        {
            if (Interlocked.Decrement(ref left) == 0)
            {
                Kill();
            }
        };
        watcher.EnableRaisingEvents = true;
        return watcher;
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
            if (moment == ProofMoment ? value is { Stage: "Verifying", Done: 1 } : int.TryParse(moment, out int part) && value.Done * 100 >= (value.Total ?? 0) * part)
            {
                Kill();
            }
        }
    }
}
