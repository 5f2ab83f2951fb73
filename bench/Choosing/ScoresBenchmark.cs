using System.Diagnostics;
using System.Globalization;
using Lora.Checkpoints;
using Lora.Native;
using Lora.Training;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>
/// How well each score of Measure-LoraModule tells which modules matter: its rank correlation with what the loss rises by when a training leaves the
/// module out, every module of the example model in turn; and what taking scores costs beside steps.
/// </summary>
internal static class ScoresBenchmark
{
    private const int Epochs = 4;
    private const int Repetitions = 5;
    private const int Skipped = 8; // what is compiled and made first

    private static readonly int[] Seeds = [1, 2, 3];
    private static readonly string Model = Repository.Path("examples", "model");
    private static readonly string Rows = Repository.Path("examples", "data", "animal-notes.train.jsonl");
    private static readonly TrainingData Data = new(Rows, Repository.Path("examples", "data", "animal-notes.validation.jsonl"));

    public static void Run()
    {
        LoraModuleInfo[] modules = [.. ModuleTree.Read(Model).Modules.Where(module => module.Kind == LoraModuleKind.Linear && module.Layer is not null)];
        double[] truth = LeaveOneOut(modules);
        Dictionary<string, LoraModuleInfo> scored = Score(modules);
        Table.Head($"leaving one of {modules.Length} modules out, {Seeds.Length} seeds of {Epochs} epochs", "good end", "rank correlation with the rise of the validation loss");
        foreach (LoraModuleScore score in Enum.GetValues<LoraModuleScore>())
        {
            double sign = score.IsLowGood() ? -1 : 1;
            double[] values = [.. modules.Select(module => sign * score.Of(scored[module.Name])!.Value)];
            Table.Row(score.ToString(), score.IsLowGood() ? "low" : "high", RankCorrelation(values, truth).ToString("F2", CultureInfo.InvariantCulture));
        }

        Console.WriteLine();
    }

    /// <summary>What scores cost: those of rows beside a step of rank 16 on all linear layers, the norm of weights beside reading their file.</summary>
    public static void Cost()
    {
        TorchLibrary.Load();
        Table.Head("processor ms of one row of the example", "a step of rank 16 on all linear layers", "Gradient and Fisher", "all three of rows");
        Silence step = new(), two = new(), three = new();
        using (TrainingSession session = new())
        {
            session.Train(new LoraConfig { Model = Model, TargetPattern = "all-linear", Rank = 16 }, Data with { ValidationDataset = [] }, new() { BatchSize = 1, Epoch = 2 }, step, CancellationToken.None);
        }

        LoraModuleInfo[] modules = [.. ModuleTree.Read(Model).Modules.Where(module => module.Kind == LoraModuleKind.Linear && module.Layer is not null)];
        new ScoringSession(new TrainingData([Rows], []), new() { Score = [LoraModuleScore.Gradient, LoraModuleScore.Fisher] }).Score(modules, two, CancellationToken.None);
        new ScoringSession(new TrainingData([Rows], []), new() { Score = [LoraModuleScore.Gradient, LoraModuleScore.Fisher, LoraModuleScore.Activation] }).Score(modules, three, CancellationToken.None);
        Table.Row(Milliseconds(step), Milliseconds(two), Milliseconds(three));
        Console.WriteLine();
        string folder = Directory.CreateTempSubdirectory("lora-bench-").FullName;
        try
        {
            string file = LoadModel.Write(folder, ScalarType.Float32);
            LoraModuleInfo[] linear = [.. ModuleTree.Read(folder).Modules.Where(module => module.Kind == LoraModuleKind.Linear && module.Layer is not null)];
            long bytes = linear.Sum(module => module.ParameterCount) * sizeof(float);
            byte[] buffer = new byte[4 << 20];
            Table.Head("the linear layers of SmolLM-135M in float32, from the page cache", "GB/s", "GB a processor second");
            Rate("a plain read of the file, one thread", new FileInfo(file).Length, () => ReadWhole(file, buffer));
            Rate("norms", bytes, () => new ScoringSession(null, new() { Score = [LoraModuleScore.Norm] }).Score(linear, new Silence(), CancellationToken.None));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        static string Milliseconds(Silence told) => told.Milliseconds.ToString("F1", CultureInfo.InvariantCulture);
    }

    /// <summary>The rate by the clock, and by the processor where others take it.</summary>
    private static void Rate(string name, long bytes, Action work)
    {
        List<double> processor = [];
        Measurement seconds = Measurement.Of(
            () =>
            {
                TimeSpan before = Machine.ProcessorTime();
                work();
                processor.Add((Machine.ProcessorTime() - before).TotalSeconds);
            },
            Repetitions);
        Table.Row(name, seconds.Rate(bytes / 1e9), Measurement.Of(processor).Rate(bytes / 1e9));
    }

    private static void ReadWhole(string file, byte[] buffer)
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        while (stream.Read(buffer) > 0)
        {
        }
    }

    /// <summary>The mean rise of the validation loss without each module.</summary>
    private static double[] LeaveOneOut(LoraModuleInfo[] modules)
    {
        string[] names = [.. modules.Select(module => module.Name)];
        double[] rises = new double[names.Length];
        using TrainingSession session = new();
        foreach (int seed in Seeds)
        {
            double whole = Loss(session, names, seed);
            for (int index = 0; index < names.Length; index++)
            {
                rises[index] += (Loss(session, [.. names.Where((_, other) => other != index)], seed) - whole) / Seeds.Length;
            }
        }

        return rises;
    }

    private static double Loss(TrainingSession session, string[] names, int seed) => session.Train(
        new LoraConfig { Model = Model, Module = names, Rank = 4, Alpha = 8 },
        Data,
        new() { Epoch = Epochs, Seed = seed, LearningRate = 2e-3, BatchSize = 4 },
        new Silence(),
        CancellationToken.None).After!.Loss;

    private static Dictionary<string, LoraModuleInfo> Score(LoraModuleInfo[] modules)
    {
        Dictionary<string, LoraModuleInfo> scored = new(StringComparer.Ordinal);
        ScoringOptions options = new() { Score = Enum.GetValues<LoraModuleScore>() };
        Stopwatch clock = Stopwatch.StartNew();
        new ScoringSession(new TrainingData([Rows], []), options).Score(modules, new Silence { Scored = scored }, CancellationToken.None);
        Console.WriteLine(FormattableString.Invariant($"all scores of {modules.Length} modules, model and rows read: {clock.Elapsed.TotalSeconds:F2} s\n"));
        return scored;
    }

    /// <summary>Spearman's: the correlation of the places in order.</summary>
    private static double RankCorrelation(double[] left, double[] right)
    {
        double[] one = Places(left), other = Places(right);
        double mean = (left.Length - 1) / 2.0;
        double shared = one.Zip(other, (a, b) => (a - mean) * (b - mean)).Sum();
        return shared / Math.Sqrt(one.Sum(a => (a - mean) * (a - mean)) * other.Sum(b => (b - mean) * (b - mean)));
    }

    private static double[] Places(double[] values)
    {
        double[] places = new double[values.Length];
        foreach ((int index, int place) in Enumerable.Range(0, values.Length).OrderBy(index => values[index]).Select((index, place) => (index, place)))
        {
            places[index] = place;
        }

        return places;
    }

    private sealed class Silence : ITrainingObserver, IScoringObserver
    {
        private (int Done, TimeSpan Processor)? first;
        private (int Done, TimeSpan Processor) last;

        public Dictionary<string, LoraModuleInfo> Scored { get; init; } = [];

        /// <summary>Processor time of a step, or of a row that is scored, after the first ones.</summary>
        public double Milliseconds => (last.Processor - first!.Value.Processor).TotalMilliseconds / (last.Done - first.Value.Done);

        public void OnScored(LoraModuleInfo scored) => Scored[scored.Name] = scored;

        public void OnStep(LoraTrainingStep done) => Mark(done.Step);

        public void OnStage(string text)
        {
        }

        public void OnWarning(string text)
        {
        }

        public void OnFailure(LoraException failure) => throw failure;

        public void OnWritten(string folder, int step)
        {
        }

        public void Report(WorkProgress value)
        {
            if (value is { Unit: WorkUnit.Row, Stage: "Taking gradients" })
            {
                Mark((int)value.Done);
            }
        }

        private void Mark(int done)
        {
            if (done >= Skipped)
            {
                last = (done, Machine.ProcessorTime());
                first ??= last;
            }
        }
    }
}
