using System.Globalization;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using Lora.Training;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>
/// Gradients of a batch, with each feature of the engine on and off: tokens a second, and the share of this machine's own matrix product rate that
/// the step's necessary work reaches (model FLOPs utilisation). Processor seconds tell ways apart where other programs take the processor.
/// </summary>
internal static class StepBenchmark
{
    private const int Repetitions = 3;
    private const int WarmCalls = 100;
    private static readonly int[] Four = [512, 512, 512, 512];
    private static readonly int[] Long = [2048];

    /// <param name="smol">Blocks of SmolLM-135M's shape.</param>
    /// <param name="llama">Blocks of Llama-3.2-1B's shape.</param>
    public static void Run(int smol, int llama)
    {
        TorchLibrary.Load();
        foreach (ScalarType type in ProductBenchmark.Types())
        {
            double ceiling = ProductBenchmark.Ceiling(type);
            Head($"SmolLM-135M with {smol} blocks", type, ceiling);
            WithAllBlocks(type, Shapes.SmolLM(smol), ceiling, Four);
            WithUpperQuarter(type, Shapes.SmolLM(smol), ceiling);
            Head($"Llama-3.2-1B with {llama} blocks", type, ceiling);
            Plainly(type, Shapes.Llama1B(llama), ceiling, Long);
        }
    }

    /// <summary>Gemma 3: rotations and windows of two kinds, and norms before, within and behind attention.</summary>
    public static void RunGemma()
    {
        TorchLibrary.Load();
        foreach (ScalarType type in ProductBenchmark.Types())
        {
            double ceiling = ProductBenchmark.Ceiling(type);
            Head("Gemma 3 of 270M with 6 blocks and a small vocabulary", type, ceiling);
            Plainly(type, Shapes.Gemma3(layers: 6), ceiling, Four);
        }
    }

    /// <summary>DoRA beside plain LoRA, and with dropout, where the base weights see what is dropped too.</summary>
    public static void RunDora()
    {
        TorchLibrary.Load();
        foreach (ScalarType type in ProductBenchmark.Types())
        {
            double ceiling = ProductBenchmark.Ceiling(type);
            Head("SmolLM-135M with 4 blocks", type, ceiling);
            foreach ((string name, LoraConfig config) in new[] { ("plain", new LoraConfig()), ("by DoRA", new() { UseDora = true }), ("by DoRA with dropout", new() { UseDora = true, Dropout = 0.1 }) })
            {
                using StepModel model = new(type, Shapes.SmolLM(layers: 4), config: config);
                using ReferenceStep reference = new(model.Model);
                using FusedStep fused = model.Fused();
                Row row = new(model, model.Rows(Four), ceiling);
                row.Show($"4 x 512, {name}, fused", fused);
                row.Show($"4 x 512, {name}, autograd", reference, isAutograd: true);
            }
        }
    }

    /// <summary>A mixture of experts.</summary>
    public static void RunMixture()
    {
        TorchLibrary.Load();
        ModelShape shape = Shapes.Olmoe(layers: 1);
        foreach (ScalarType type in ProductBenchmark.Types())
        {
            double ceiling = ProductBenchmark.Ceiling(type);
            using StepModel model = new(type, shape);
            using ReferenceStep reference = new(model.Model);
            Head("One block of OLMoE-1B-7B, 64 experts of which a token goes through 8", type, ceiling);
            new Row(model, model.Rows(Four), ceiling).Show("4 x 512, autograd", reference, isAutograd: true);
        }
    }

    private static void WithAllBlocks(ScalarType type, ModelShape shape, double ceiling, int[] lengths)
    {
        using StepModel model = new(type, shape);
        using ReferenceStep reference = new(model.Model);
        Batch batch = model.Rows(lengths);
        string tokens = $"{lengths.Length} x {lengths[0]}";
        Row row = new(model, batch, ceiling);
        Show("fused", default);
        Show("fused, freed memory given back", default, keeps: false);
        Show("fused, attention computed again", new(0, 0, shape.Blocks.Count - 1));
        Show("fused, norms and activations too", new(0, shape.Blocks.Count - 1, shape.Blocks.Count - 1));
        Show("fused, blocks computed again", Recomputation.Full(shape.Blocks.Count));
        row.Show($"{tokens}, autograd", reference, isAutograd: true);

        // Each with a step of its own: one that has kept much goes on holding the memory.
        void Show(string name, Recomputation recomputation, bool keeps = true)
        {
            using FusedStep step = (FusedStep)StepEngines.Choose(model.Model, model.Adapter.Layers).Engine;
            step.Recomputation = recomputation;
            Warm(step, model.Rows(16));
            row.Show($"{tokens}, {name}", step, keeps);
        }
    }

    private static void Plainly(ScalarType type, ModelShape shape, double ceiling, int[] lengths)
    {
        using StepModel model = new(type, shape);
        using ReferenceStep reference = new(model.Model);
        using IStepEngine fused = StepEngines.Choose(model.Model, model.Adapter.Layers).Engine;
        Row row = new(model, model.Rows(lengths), ceiling);
        row.Show($"{lengths.Length} x {lengths[0]}, fused", fused);
        row.Show($"{lengths.Length} x {lengths[0]}, autograd", reference, isAutograd: true);
    }

    /// <summary>Calls the kernels often enough for the runtime to have compiled them for good.</summary>
    private static void Warm(FusedStep step, Batch batch)
    {
        SupervisedRows rows = SupervisedRows.Of(batch);
        for (int call = 0; call < WarmCalls; call++)
        {
            step.AddGradients(batch, rows, 1);
        }
    }

    private static void WithUpperQuarter(ScalarType type, ModelShape shape, double ceiling)
    {
        using StepModel model = new(type, shape, shape.Blocks.Count - Math.Max(1, shape.Blocks.Count / 4));
        using FusedStep fused = (FusedStep)StepEngines.Choose(model.Model, model.Adapter.Layers).Engine;
        using PrefixCache cache = new(fused.Lowest, new MemoryPrefixStore());
        Row row = new(model, model.Rows(Four), ceiling);
        row.Show("4 x 512, fused, the upper quarter of the blocks", fused);
        fused.Caches = [cache];
        row.Show("4 x 512, fused, the upper quarter, hidden states below it kept", fused);
    }

    private static void Head(string model, ScalarType type, double ceiling)
    {
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"\n{model}, {type}, rank 16 on all linear layers, {get_num_threads()} threads; products reach {ceiling / 1e9:F0} GFLOP/s\n"));
        Table.Head("step", "s, median (range)", "processor s, mean", "tokens/s", "MFU", "peak memory, GB");
    }

    private sealed record Row(StepModel Model, Batch Batch, double Ceiling)
    {
        // Freed memory is kept by default, as by runs where there is room.
        public void Show(string name, IStepEngine engine, bool keeps = true, bool isAutograd = false)
        {
            SupervisedRows supervised = SupervisedRows.Of(Batch);
            AvailableMemory.Taken(); // what earlier rows left goes back
            using AllocatorTuning tuning = isAutograd ? AllocatorTuning.KeepAllFreedMemory()
                : keeps ? AllocatorTuning.KeepFreedMemory() : AllocatorTuning.ReturnFreedMemory();
            int done = 0;
            Machine.ResetPeakMemory();
            TimeSpan before = Machine.ProcessorTime();
            Measurement time = Measurement.Of(Step, Repetitions);
            double processor = (Machine.ProcessorTime() - before).TotalSeconds / (Repetitions + 1);
            Table.Row(
                name,
                $"{time.Median:F2} ({time.Smallest:F2}-{time.Largest:F2})",
                string.Create(CultureInfo.InvariantCulture, $"{processor:F2}"),
                string.Create(CultureInfo.InvariantCulture, $"{Batch.Lengths.Sum() / time.Median:F0}"),
                string.Create(CultureInfo.InvariantCulture, $"{100 * Model.Work(Batch) / time.Median / Ceiling:F0} %"),
                string.Create(CultureInfo.InvariantCulture, $"{Machine.PeakMemory() / 1e9:F1}"));

            void Step()
            {
                engine.AddGradients(Batch, supervised, 1.0 / supervised.Count);
                if (!isAutograd)
                {
                    AllocatorTuning.TrimAfter(++done); // as runs do
                }
            }
        }
    }
}
