using System.Diagnostics;
using System.Globalization;
using Lora.Training;

namespace Lora.Tools.Killer;

/// <summary>
/// A short training that writes all that runs write: its state after each step, the adapters of the last steps, metrics, the best adapter. It tells of each
/// step when its state is on the disk, and ends itself at a moment.
/// </summary>
internal static class KilledRun
{
    /// <summary>Its steps.</summary>
    public const int Steps = 8;

    /// <summary>What a line, or a moment, begins with that says the number of a step.</summary>
    public const string StepLine = "step ";

    /// <summary>The moments that have a name: a step, the adapter about to be written or in its place, and changes of files as the system tells them.</summary>
    public static IReadOnlyList<string> Moments { get; } =
    [
        "step 1", "step 4", $"step {Steps}", "evaluating", "writing", "written",
        "file training_state.safetensors.", "file training_state.safetensors", "file .adapter", "file adapter_model", "file adapter_config.json", "file README.md", "file metrics.jsonl", "file checkpoint-", "file .checkpoint-",
    ];

    /// <summary>Trains, or goes on, until the moment comes; an empty one never does.</summary>
    /// <param name="folder">Where it writes.</param>
    /// <param name="moment">When it ends itself.</param>
    /// <param name="onStep">Told of each step when its state is on the disk.</param>
    public static int Run(string folder, string moment, Action<int> onStep)
    {
        const string FileMoment = "file ";
        string model = Path.Combine(Campaign.Repository, "examples", "model");
        using FileSystemWatcher? watcher = moment.StartsWith(FileMoment, StringComparison.Ordinal) ? Watch(Path.GetDirectoryName(folder)!, moment[FileMoment.Length..]) : null;
        string data = Path.Combine(Campaign.Repository, "examples", "data");
        TrainingOptions options = new()
        {
            MaxStep = Steps,
            BatchSize = 2,
            LearningRate = 0.1,
            Schedule = TrainingSchedule.WSD,
            EvaluationStep = 3,
            KeepBest = true,
            SaveStep = 1,
            SaveMinute = 1,
            SaveLimit = 2,
            Resume = true,
            OutputPath = folder,
            Thread = 1,
            Device = "cpu",
        };
        LoraConfig config = new() { Model = model, Rank = 32, Dropout = 0.1, TargetModule = ["q_proj", "down_proj"] };
        try
        {
            using TrainingSession session = new();
            session.Train(config, new(Path.Combine(data, "animal-notes.train.jsonl"), Path.Combine(data, "animal-notes.validation.jsonl")), options, new Observer(moment, onStep));
            return 0;
        }
        catch (LoraException exception) when (exception.Error == LoraError.RunEnded)
        {
            return 0; // killed when all was done
        }
    }

    private static FileSystemWatcher Watch(string folder, string name)
    {
        FileSystemWatcher watcher = new(folder) { IncludeSubdirectories = true };
        watcher.Created += (_, change) => KillAt(change.Name);
        watcher.Deleted += (_, change) => KillAt(change.Name);
        watcher.Renamed += (_, change) => KillAt(change.Name);
        watcher.EnableRaisingEvents = true;
        return watcher;

        void KillAt(string? changed)
        {
            if (changed is not null && Path.GetFileName(changed).StartsWith(name, StringComparison.Ordinal))
            {
                Kill();
            }
        }
    }

    // SIGKILL, or what Windows has for it: nothing of the process runs any more.
    private static void Kill()
    {
        Process.GetCurrentProcess().Kill();
        Thread.Sleep(Timeout.Infinite);
    }

    private sealed class Observer(string moment, Action<int> onStep) : ITrainingObserver
    {
        public void OnStage(string text)
        {
            if ((moment == "writing" && text.StartsWith("Writing", StringComparison.Ordinal))
                || (moment == "evaluating" && text.StartsWith("Evaluating after step 6", StringComparison.Ordinal)))
            {
                Kill();
            }
        }

        public void OnStep(LoraTrainingStep done)
        {
            onStep(done.Step);
            if (string.Create(CultureInfo.InvariantCulture, $"{StepLine}{done.Step}") == moment)
            {
                Kill();
            }
        }

        public void OnWritten(string folder, int ofStep)
        {
            if (moment == "written")
            {
                Kill();
            }
        }

        public void OnWarning(string text)
        {
        }

        public void OnFailure(LoraException failure) => throw failure;

        public void Report(WorkProgress value)
        {
        }
    }
}
