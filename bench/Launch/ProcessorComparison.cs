using System.Globalization;
using Lora.Data;
using Lora.Kernels;
using Lora.Models;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>
/// The arithmetic that is made for cards with this processor's own rates, beside what its steps take: by libtorch's operators, and by vector code, as runs have
/// them. Rates are taken anew before each step, so that both meet the same machine, and what counts is the median of their ratios.
/// </summary>
internal static class ProcessorComparison
{
    private const ScalarType Type = ScalarType.Float32;
    private const int Rounds = 5;
    private const double Third = 1.0 / 3;
    private const int WarmSteps = 100;
    private const double DropProbability = 0.1;

    private static readonly (string Name, ModelShape Shape, LoraQuantization Quantization, LoraConfig Config, int[] Lengths)[] Cases =
    [
        ("SmolLM-135M with 4 blocks, 4 x 512", Shapes.SmolLM(4), LoraQuantization.None, new(), [512, 512, 512, 512]),
        ("SmolLM-135M with 4 blocks, 1 x 1024", Shapes.SmolLM(4), LoraQuantization.None, new(), [1024]),
        ("... with dropout", Shapes.SmolLM(4), LoraQuantization.None, new() { Dropout = DropProbability }, [1024]),
        ("... by DoRA", Shapes.SmolLM(4), LoraQuantization.None, new() { UseDora = true }, [1024]),
        ("... in NF4", Shapes.SmolLM(4), LoraQuantization.NF4, new(), [1024]),
        ("Llama-3.2-1B with 1 block, 1 x 1024", Shapes.Llama1B(1), LoraQuantization.None, new(), [1024]),
    ];

    /// <summary>Takes them; the exit code says whether all came within a third.</summary>
    public static void Run()
    {
        // On one thread others that take the processor change nothing.
        bool isAlone = get_num_threads() == 1;
        Func<Action, double> clock = isAlone ? Measurement.ThreadSeconds : Measurement.Seconds;
        Warm();
        Console.WriteLine(
            $"\nThis processor, {get_num_threads()} threads{(isAlone ? ", by processor time" : "")}: the same steps in {Type} by that arithmetic with its own rates, and as they are measured\n");
        Table.Head("shape", "by", "predicted, s (products, functions, memory, calls)", "measured, s", "predicted / measured", "within a third");
        Result[] all = [.. Cases.SelectMany(found => Compare(found.Name, found.Shape, found.Quantization, found.Config, found.Lengths, clock))];
        Console.WriteLine("\nWhat it was predicted from, measured between the steps\n");
        Table.Head("shape", "by", "with frozen matrices, GFLOP/s", "the best of them", "thin products", "attention", "functions, 1e9/s", "memory, GB/s", "a call, microseconds");
        Array.ForEach(all, result => Table.Row(result.Rates));
        Console.WriteLine($"\nWithin a third: {all.Count(result => result.IsNear)} of {all.Length}");
        Environment.ExitCode = all.All(result => result.IsNear) ? 0 : 1;
    }

    private static Result[] Compare(string name, ModelShape shape, LoraQuantization quantization, LoraConfig config, int[] lengths, Func<Action, double> clock)
    {
        using MetaStep meta = new(Type, shape, quantization, config);
        OperatorCost[] costs = meta.Count(lengths);
        ProcessorRates processor = new(Type, clock);
        AttentionHeads heads = FusedBlock.In(shape)![0].Heads;
        using StepModel model = new(Type, shape, quantization: quantization, config: config);
        Batch batch = model.Rows(lengths);
        using AllocatorTuning tuning = AllocatorTuning.KeepFreedMemory();
        using Way operators = new("operators", model, new TorchKernels());
        using Way vectors = new("vector code", model, KernelSet.Of(CPU, Type));
        Way[] ways = [operators, vectors];
        Array.ForEach(ways, way => way.Step.Run(batch));
        for (int round = 0; round < Rounds; round++)
        {
            Rates rates = processor.Take(costs);
            foreach (Way way in ways)
            {
                double attention = processor.Attention(way.Kernels, heads, lengths);
                Rates own = rates with
                {
                    Products = cost => cost.Product is null ? attention : rates.Products(cost),
                    Draws = config.Dropout > 0 ? processor.Draws(way.Kernels) : double.PositiveInfinity,
                };
                way.Add(own, own.Of(costs), clock(() => way.Step.Run(batch)));
            }
        }

        return [.. ways.Select(way => way.Show(name, costs))];
    }

    /// <summary>Calls the kernels often enough for the runtime to have compiled them for good.</summary>
    private static void Warm()
    {
        using StepModel model = new(Type, Shapes.Tiny(), quantization: LoraQuantization.NF4, config: new() { Dropout = DropProbability });
        Batch batch = model.Rows(16);
        foreach (IKernels kernels in new[] { new TorchKernels(), KernelSet.Of(CPU, Type) })
        {
            using WholeStep step = new(model, kernels);
            for (int done = 0; done < WarmSteps; done++)
            {
                step.Run(batch);
            }
        }
    }

    /// <summary>The step by some kernels, its rates, predictions and measurements, round by round.</summary>
    private sealed class Way(string name, StepModel model, IKernels kernels) : IDisposable
    {
        private readonly List<(Rates Rates, Prediction Predicted, double Measured)> rounds = [];

        public IKernels Kernels => kernels;

        public WholeStep Step { get; } = new(model, kernels);

        public void Add(Rates rates, Prediction predicted, double measured) => rounds.Add((rates, predicted, measured));

        public Result Show(string shape, OperatorCost[] costs)
        {
            Measurement ratio = Measurement.Of([.. rounds.Select(round => round.Predicted.Total / round.Measured)]);
            bool isNear = Math.Abs(ratio.Median - 1) <= Third;
            Table.Row(
                shape,
                name,
                $"{Median(round => round.Predicted.Total)} ({Median(round => round.Predicted.Products)}, {Median(round => round.Predicted.Functions)}, {Median(round => round.Predicted.Memory)}, {Median(round => round.Predicted.Launches)})",
                Median(round => round.Measured),
                string.Create(CultureInfo.InvariantCulture, $"{ratio.Median:F2} ({ratio.Smallest:F2}-{ratio.Largest:F2})"),
                isNear ? "yes" : "NO");
            OperatorCost[] frozen = [.. costs.Where(cost => cost.Product?.IsThin == false)];
            OperatorCost[] thin = [.. costs.Where(cost => cost.Product?.IsThin == true)];
            OperatorCost[] attention = [.. costs.Where(cost => cost.Product is null && cost.Flops > 0)];
            return new(isNear,
            [
                shape,
                name,
                Median(round => Rate(round.Rates, frozen) / 1e9),
                Median(round => frozen.Max(round.Rates.Products) / 1e9),
                Median(round => Rate(round.Rates, thin) / 1e9),
                Median(round => Rate(round.Rates, attention) / 1e9),
                Median(round => round.Rates.Functions / 1e9),
                Median(round => round.Rates.Bandwidth / 1e9),
                Median(round => round.Rates.Launch * 1e6),
            ]);
        }

        public void Dispose() => Step.Dispose();

        private string Median(Func<(Rates Rates, Prediction Predicted, double Measured), double> of) =>
            string.Create(CultureInfo.InvariantCulture, $"{Measurement.Of([.. rounds.Select(of)]).Median:F2}");

        /// <summary>FLOP/s of some operators one after the other.</summary>
        private static double Rate(Rates rates, OperatorCost[] costs) => costs.Sum(cost => cost.Flops) / costs.Sum(cost => cost.Flops / rates.Products(cost));
    }

    private sealed record Result(bool IsNear, string[] Rates);
}
