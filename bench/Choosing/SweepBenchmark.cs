using System.Globalization;
using System.Text;
using Lora.Native;
using Lora.Training;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>
/// Sweeps against the same trainings one after another on one loaded model: points over the upper quarter of a model, one epoch each; and halving on the
/// example, in time and in how good the winner is. Processor seconds tell the ways apart where other programs take the processor.
/// </summary>
internal static class SweepBenchmark
{
    private const int Rows = 4;
    private const int Steps = 4;
    private const int Length = 512;
    private const int Upper = 7; // of 30 blocks
    private const int Seeds = 10;
    private const int Epochs = 40; // of 9 steps: until the loss of the validation rows falls no longer
    private const double Near = 0.01;
    private static readonly string[] Roles =
        ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"];

    private static readonly int[] Ranks = [4, 8, 16, 32];
    private static readonly double[] Rates = [5e-4, 1e-3, 2e-3, 4e-3];

    /// <summary>Eight points over the upper quarter of SmolLM-135M's blocks, one epoch of four steps of 4 x 512 tokens.</summary>
    public static void Shared()
    {
        TorchLibrary.Load();
        string folder = Directory.CreateTempSubdirectory("lora-bench-").FullName;
        try
        {
            LoadModel.Write(folder, ScalarType.Float32);
            File.Copy(Repository.Path("examples", "model", "tokenizer.json"), Path.Combine(folder, "tokenizer.json"));
            string rows = Path.Combine(folder, "rows.jsonl");
            File.WriteAllLines(rows, Enumerable.Range(0, Rows * Steps).Select(Text));
            SweepPoint[] points = [.. Grid(new() { Model = folder, Module = Modules() }, new(rows), new() { BatchSize = Rows, MaxLength = Length }, Ranks, [1e-4, 2e-4])];
            Compare(points, new(), $"{points.Length} points over {Upper} of 30 blocks, {Steps} steps of {Rows} x {Length}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Sixteen points on the example, halved by four, against sixteen whole runs.</summary>
    public static void Halved()
    {
        TorchLibrary.Load();
        Compare([.. Example(seed: 1)], new() { Factor = 4 }, FormattableString.Invariant($"16 points on the example, {Epochs} epochs, halved by 4"));
    }

    /// <summary>For ten seeds the winner of a halved sweep beside the best of sixteen whole runs.</summary>
    public static void Quality()
    {
        TorchLibrary.Load();
        Table.Head("seed", "winner of halving", "its loss", "best of all whole runs", "its loss", "more");
        int near = 0;
        for (int seed = 1; seed <= Seeds; seed++)
        {
            SweepPoint[] points = [.. Example(seed)];
            LoraSweepResult winner = Sweep(points, new() { Factor = 4 })[^1];
            LoraSweepResult best = Sweep(points, new()).MinBy(result => result.Loss)!;
            double more = (winner.Loss / best.Loss) - 1;
            near += more <= Near ? 1 : 0;
            Table.Row(Number(seed, "F0"), winner.Name, Number(winner.Loss, "F4"), best.Name, Number(best.Loss, "F4"), Number(100 * more, "F2") + " %");
        }

        Console.WriteLine($"\nwithin 1 %: {near} of {Seeds} seeds");
    }

    private static void Compare(SweepPoint[] points, SweepOptions options, string name)
    {
        Table.Head(name, "s", "processor s", "times faster", "times less processor");
        (double Seconds, double Processor) alone = Timed(() =>
        {
            using TrainingSession session = new();
            Array.ForEach(points, point => session.Train(point.Config, point.Data, point.Options));
        });
        Table.Row("one after another, on one loaded model", Number(alone.Seconds, "F1"), Number(alone.Processor, "F1"), "1", "1");
        (double Seconds, double Processor) swept = Timed(() => Sweep(points, options));
        Table.Row("sweep", Number(swept.Seconds, "F1"), Number(swept.Processor, "F1"), Number(alone.Seconds / swept.Seconds, "F2"), Number(alone.Processor / swept.Processor, "F2"));
    }

    private static (double Seconds, double Processor) Timed(Action work)
    {
        TimeSpan before = Machine.ProcessorTime();
        double seconds = Measurement.Seconds(work);
        return (seconds, (Machine.ProcessorTime() - before).TotalSeconds);
    }

    private static IReadOnlyList<LoraSweepResult> Sweep(SweepPoint[] points, SweepOptions options)
    {
        using SweepSession session = new();
        return session.Run(points, options);
    }

    private static IEnumerable<SweepPoint> Example(int seed) => Grid(
        new() { Model = Repository.Path("examples", "model"), TargetPattern = "all-linear" },
        new(Repository.Path("examples", "data", "animal-notes.train.jsonl"), Repository.Path("examples", "data", "animal-notes.validation.jsonl")),
        new() { Epoch = Epochs, Seed = seed },
        Ranks,
        Rates);

    private static IEnumerable<SweepPoint> Grid(LoraConfig config, TrainingData data, TrainingOptions options, int[] ranks, double[] rates) =>
        from rank in ranks
        from rate in rates
        let parameter = new OrderedDictionary<string, object?> { [nameof(config.Rank)] = rank, [nameof(options.LearningRate)] = rate }
        let changed = SweepParameters.Apply(config, options, parameter)
        select new SweepPoint(parameter, changed.Config, data, changed.Options);

    private static string[] Modules() =>
    [
        .. from layer in Enumerable.Range(30 - Upper, Upper)
           from role in Roles
           select string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}.{role}"),
    ];

    /// <summary>A row of more tokens than are kept.</summary>
    private static string Text(int row)
    {
        Random random = new(row);
        StringBuilder text = new("{\"text\": \"");
        for (int letter = 0; letter < 8 * Length; letter++)
        {
            text.Append(random.Next(6) == 0 ? ' ' : (char)('a' + random.Next(26)));
        }

        return text.Append("\"}").ToString();
    }

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
