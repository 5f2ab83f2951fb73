using Lora.Checkpoints;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>What a step computes otherwise where it is asked to: a base in 4 bits, dropout, blocks computed again, heads that learn, starts that are subtracted, DoRA, texts that begin alike.</summary>
internal static class FormChecks
{
    private static readonly string[] Quantized = ["llama3", "qwen3", "gemma2", "olmo2", "gpt_neox"]; // with biases; with norms of heads; with capped scores; with norms of all heads; with attention and MLP side by side
    private static readonly string[] ComputedAgain = ["qwen3", "gemma2", "gpt2", "gpt_neox"];

    /// <summary>Runs all of them.</summary>
    public static void Run(Findings findings, Device device)
    {
        ScalarType[] types = [.. GpuChecks.Types(device)];
        foreach (ScalarType type in types)
        {
            foreach (string family in Quantized)
            {
                Compare($"{family} in NF4", family, new(LoraQuantization.NF4), type);
            }

            foreach (string family in ComputedAgain)
            {
                findings.Try($"{family}, computed again, {type}", () => CompareRecomputed(findings, family, type, device));
            }

            Compare("llama3, head adapted", "llama3", new(HasHead: true), type);
            Compare("llama3, the upper block alone", "llama3", new(Lowest: 2), type);
            Compare("llama3 by DoRA", "llama3", new() { Config = new() { UseDora = true } }, type);
            Compare("qwen3 by DoRA in NF4", "qwen3", new(LoraQuantization.NF4) { Config = new() { UseDora = true } }, type);
        }

        Compare("llama3, a start that is subtracted", "llama3", new() { Config = new() { Initialization = "pissa" } }, ScalarType.Float32);
        foreach (string family in new[] { "llama3", "gemma2" })
        {
            findings.Try($"{family} with dropout", () => CheckDropout(findings, family, device));
            findings.Try($"{family}, losses without gradients", () => CompareSums(findings, family, device));
        }

        findings.Try("hidden states that are kept", () => CompareKept(findings, device));

        void Compare(string name, string family, Form form, ScalarType type) => findings.Try($"{name}, {type}", () =>
        {
            using DisposeScope scope = NewDisposeScope();
            ModelShape shape = FamilyChecks.Shape(family);
            using FamilyModel model = new(shape, form, type, device, rounding: type);
            using FusedStep engine = model.Fused(GpuChecks.Kernels(device, type));
            FamilyChecks.Compare(findings, $"{name}, {type}", shape, form, model, engine, type);
        });
    }

    /// <summary>What is computed again, and attention in slices, change no bit.</summary>
    private static void CompareRecomputed(Findings findings, string family, ScalarType type, Device device)
    {
        using DisposeScope scope = NewDisposeScope();
        using FamilyModel model = new(FamilyChecks.Shape(family), new(), type, device, rounding: type);
        using FusedStep step = model.Fused(GpuChecks.Kernels(device, type));
        Tensor expected = model.Gradients(step, model.Together).Gradients;
        step.AttentionSlices = step.Memory.MostSlices;
        Recomputation full = Recomputation.Full(model.Model.Shape.Blocks.Count);
        foreach ((string what, Recomputation again) in new[] { ("norms and activations", full with { Blocks = 0 }), ("blocks", full) })
        {
            step.Recomputation = again;
            findings.Check($"{family}, {what} computed again, values that differ, {type}", expected.ne(model.Gradients(step, model.Together).Gradients).sum().ToDouble(), 0);
        }
    }

    /// <summary>The same state of the generator drops the same, and the gradient is the slope of the loss along itself.</summary>
    private static void CheckDropout(Findings findings, string family, Device device)
    {
        const double change = 1e-2; // of the loss, from below to above
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using FamilyModel model = new(FamilyChecks.Shape(family), new() { Config = new() { Dropout = 0.2 } }, ScalarType.Float32, device, ScalarType.Float32);
        using FusedStep step = model.Fused(GpuChecks.Kernels(device, ScalarType.Float32));
        model.Adapter.IsTraining = true;
        TensorData before = model.Adapter.Randomness("before");
        Tensor gradients = Take().Gradients;
        Tensor next = Take().Gradients;
        findings.Check($"{family} with dropout, distance of the next batch's gradients, its reciprocal", 1 / KernelChecks.Distance(next, gradients), 100);
        findings.Check($"{family} with dropout, values that differ from the same seed", gradients.ne(Again().Gradients).sum().ToDouble(), 0);

        double norm = gradients.norm().ToDouble();
        Tensor way = gradients.Times(change / (norm * norm)).to(ScalarType.Float32).to(device); // along which the loss changes by that much
        model.Adapter.Arena.Values.Add(way, 0.5);
        double above = Again().Loss;
        model.Adapter.Arena.Values.Add(way, -1);
        double below = Again().Loss;
        findings.Check($"{family} with dropout, the slope of the loss along its gradient, relative", Math.Abs(((above - below) / change) - 1), 1e-2);

        (Tensor Gradients, double Loss) Take() => model.Gradients(step, model.Together);

        (Tensor Gradients, double Loss) Again()
        {
            model.Adapter.RestoreRandomness(before);
            return Take();
        }
    }

    /// <summary>Sums of losses, of texts each by itself, and of texts that begin alike, whose beginning is computed once.</summary>
    private static void CompareSums(Findings findings, string family, Device device)
    {
        const double most = 1e-4; // relative
        using DisposeScope scope = NewDisposeScope();
        ModelShape shape = FamilyChecks.Shape(family);
        using FamilyModel exact = new(shape, new(), ScalarType.Float32, CPU, ScalarType.Float32);
        using FamilyModel model = new(shape, new(), ScalarType.Float32, device, ScalarType.Float32);
        using ReferenceStep reference = new(exact.Model);
        using FusedStep step = model.Fused(GpuChecks.Kernels(device, ScalarType.Float32));
        Batch batch = model.Together[0];
        SupervisedRows rows = SupervisedRows.Of(batch);
        (LossSum found, LossSum expected) = (step.SumLoss(batch, rows), reference.SumLoss(batch, rows));
        findings.Check($"{family}, the summed loss without gradients", Math.Abs(found.Loss - expected.Loss) / expected.Loss, most);
        findings.Check($"{family}, tokens that are predicted otherwise", Math.Abs(found.Hits - expected.Hits), 0);

        TrainingExample[] texts = [.. Enumerable.Range(1, 4).Select(choice => Text(20, choice))];
        IEnumerable<double> distances = step.SumEach(texts).Zip(reference.SumAlone(texts), (left, right) => Math.Abs(left.Loss - right.Loss) / right.Loss);
        findings.Check($"{family}, losses of texts that begin alike", distances.Max(), most);

        static TrainingExample Text(int shared, int own)
        {
            int[] ids = [.. Enumerable.Range(3, shared), .. Enumerable.Range(40 + own, own)];
            return new(ids, [.. ids.Select((id, place) => place < shared ? TrainingExample.Unsupervised : id)], own);
        }
    }

    /// <summary>Hidden states below the adapter that a batch finds kept.</summary>
    private static void CompareKept(Findings findings, Device device)
    {
        using DisposeScope scope = NewDisposeScope();
        using FamilyModel model = new(FamilyChecks.Shape("llama3"), new(Lowest: 2), ScalarType.Float32, device, ScalarType.Float32);
        using FusedStep step = model.Fused(GpuChecks.Kernels(device, ScalarType.Float32));
        Tensor expected = model.Gradients(step, model.Together).Gradients;
        using PrefixCache cache = new(step.Lowest, new MemoryPrefixStore());
        step.Caches = [cache];
        Tensor first = model.Gradients(step, model.Together).Gradients;
        Tensor second = model.Gradients(step, model.Together).Gradients;
        findings.Check("gradients with hidden states that are kept", KernelChecks.Distance(second, expected), 1e-5);
        findings.Check("the same once more, values that differ", second.ne(first).sum().ToDouble(), 0);
    }
}
