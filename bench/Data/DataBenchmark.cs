using System.Diagnostics;
using System.Globalization;
using Lora.Data;
using Lora.Training;

namespace Lora.Bench;

/// <summary>A million rows: the time to the first step of a small model and the memory for them, what each reader reads in a second, and the tokenizer.</summary>
internal static class DataBenchmark
{
    private const int Rows = 1_000_000;
    private const int ReaderRows = 200_000;
    private const int FewRows = 64;
    private const int Repetitions = 3;

    private static readonly LoraConfig Config = new() { Model = Repository.Path("examples", "model"), TargetModule = ["q_proj"], Rank = 4 };

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lora-data-").FullName;
        try
        {
            FirstStep(folder);
            Readers(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        ReferenceTokenizer.Compare();
    }

    private static void FirstStep(string folder)
    {
        string chats = Path.Combine(folder, "chats.jsonl"), pairs = Path.Combine(folder, "pairs.jsonl");
        string fewChats = Path.Combine(folder, "few-chats.jsonl"), fewPairs = Path.Combine(folder, "few-pairs.jsonl");
        DataRows.WriteChats(chats, Rows / 2);
        DataRows.WritePairs(pairs, Rows / 2);
        DataRows.WriteChats(fewChats, FewRows / 2);
        DataRows.WritePairs(fewPairs, FewRows / 2);
        long size = new FileInfo(chats).Length + new FileInfo(pairs).Length;

        // Few rows first: what libtorch, the model and a step take without any dataset to speak of.
        (_, long few) = Train(fewChats, fewPairs);
        Table.Head("from the start to the first step", "rows", "MB", "s, median (range)", "processor time of both cores, s", "peak memory above that of few rows, MB");
        List<double> seconds = [], processor = [];
        long most = 0;
        for (int run = 0; run < Repetitions; run++)
        {
            TimeSpan before = Machine.ProcessorTime();
            (double first, long peak) = Train(chats, pairs);
            seconds.Add(first);
            processor.Add((Machine.ProcessorTime() - before).TotalSeconds);
            most = Math.Max(most, peak);
        }

        Measurement time = Measurement.Of(seconds);
        Table.Row(
            "half chats, half prompts with completions, JSON Lines",
            Rows.ToString("N0", CultureInfo.InvariantCulture),
            (size / 1e6).ToString("F0", CultureInfo.InvariantCulture),
            $"{time.Median:F1} ({time.Smallest:F1}-{time.Largest:F1})",
            Measurement.Of(processor).Median.ToString("F1", CultureInfo.InvariantCulture),
            ((most - few) / 1e6).ToString("F0", CultureInfo.InvariantCulture));
        Console.WriteLine();
    }

    /// <summary>Seconds to the end of the first step, and the most memory.</summary>
    private static (double Seconds, long Peak) Train(params string[] paths)
    {
        GC.Collect();
        Machine.ResetPeakMemory();
        FirstStepObserver observer = new();
        using TrainingSession session = new();
        session.Train(Config, new TrainingData(paths, []), new() { MaxStep = 1, Data = new() { ChatTemplate = "chatml" } }, observer, CancellationToken.None);
        return (observer.Elapsed.TotalSeconds, Machine.PeakMemory());
    }

    private static void Readers(string folder)
    {
        Table.Head("reading, one thread", "MB", "rows/s, median (range)", "MB/s, median (range)");
        foreach ((string name, string file) in new[] { ("JSON Lines", "r.jsonl"), ("gzip of it", "r.jsonl.gz"), ("JSON array", "r.json"), ("CSV", "r.csv"), ("Parquet", "r.parquet") })
        {
            string path = Path.Combine(folder, file);
            DataRows.WritePairs(path, ReaderRows);
            Read(name, path);
        }

        string chats = Path.Combine(folder, "r-chats.jsonl");
        DataRows.WriteChats(chats, ReaderRows);
        Read("JSON Lines of chats", chats);
        Console.WriteLine();
    }

    private static void Read(string name, string path)
    {
        double size = new FileInfo(path).Length / 1e6;
        Measurement time = Measurement.Of(() => Trace.Assert(DatasetReader.Read(new(path)).Count() == ReaderRows), Repetitions);
        Table.Row(name, size.ToString("F1", CultureInfo.InvariantCulture), time.Rate(ReaderRows), time.Rate(size));
    }

    private sealed class FirstStepObserver : ITrainingObserver
    {
        private readonly long begin = Stopwatch.GetTimestamp();

        public TimeSpan Elapsed { get; private set; }

        public void OnStep(LoraTrainingStep done) => Elapsed = Stopwatch.GetElapsedTime(begin);

        public void OnStage(string text)
        {
        }

        public void OnWarning(string text) => Console.Error.WriteLine(text);

        public void OnFailure(LoraException failure) => throw failure;

        public void OnWritten(string folder, int step)
        {
        }

        public void Report(WorkProgress value)
        {
        }
    }
}
