using System.Diagnostics;
using System.Globalization;
using Lora.Data;
using Lora.Models;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>Tokens a second and the share of the device's own product rate, for the shapes that fit and that there is time for.</summary>
internal static class SpeedChecks
{
    private const int WarmUps = 2;
    private const int MostSteps = 8;
    private const long Square = 8192;
    private const long SmallSquare = 256;

    // Steps of one case that are measured take no longer than this, and no step is begun that would not end in time.
    private static readonly TimeSpan OfCase = TimeSpan.FromSeconds(6);
    private const double Care = 1.5;

    private static readonly (string Name, Func<int, ModelShape> Shape, int Blocks, int[] Lengths)[] Cases =
    [
        ("SmolLM-135M, 4 x 512", Shapes.SmolLM, 30, [512, 512, 512, 512]),
        ("Llama-3.2-1B, 1 x 2048", Shapes.Llama1B, 16, [2048]),
        ("Llama-3.1-8B, 1 x 2048", Shapes.Llama8B, 32, [2048]),
        ("Llama-3.1-8B, 2 x 4096", Shapes.Llama8B, 32, [4096, 4096]),
    ];

    /// <summary>In the dtype that runs have there; a small one where there is no card.</summary>
    public static void Run(Findings findings, Device device)
    {
        if (!findings.IsCard)
        {
            findings.Try("two small blocks", () => Measure(
                findings, device, "two small blocks, 100 and 60 tokens", Shapes.Tiny(), [100, 60], ScalarType.Float32, LoraQuantization.None, Ceiling(device, ScalarType.Float32, SmallSquare)));
        }

        Run(findings, device, Usual(device), LoraQuantization.None);
    }

    /// <summary>In 4 bits, and in the other dtype of 16 bits.</summary>
    public static void RunOthers(Findings findings, Device device)
    {
        ScalarType usual = Usual(device);
        Run(findings, device, usual, LoraQuantization.NF4);
        Run(findings, device, usual == ScalarType.Float16 ? ScalarType.BFloat16 : ScalarType.Float16, LoraQuantization.None);
    }

    private static ScalarType Usual(Device device) => GpuChecks.UsualType(device) is ScalarType.Float16 ? ScalarType.Float16 : ScalarType.BFloat16;

    private static void Run(Findings findings, Device device, ScalarType type, LoraQuantization quantization)
    {
        foreach ((string name, Func<int, ModelShape> shape, int blocks, int[] lengths) in Cases)
        {
            string what = $"{name}, {(quantization == LoraQuantization.None ? type : quantization)}";
            findings.Try(what, () =>
            {
                using MetaStep meta = new(type, shape(findings.IsCard ? blocks : 1), quantization);
                double needed = meta.Memory(lengths);
                if (!findings.IsCard)
                {
                    findings.Leave(what, string.Create(CultureInfo.InvariantCulture, $"there is no card; a block of it needs {needed / 1e9:F1} GB"));
                    return;
                }

                // Where memory is short, some of it is computed again.
                if (GpuChecks.Memory(device)?.Free is long free && meta.Fitting(lengths, free) is null)
                {
                    findings.Leave(what, string.Create(CultureInfo.InvariantCulture, $"it needs {needed / 1e9:F1} GB, less where all is computed again, and {free / 1e9:F1} GB are free"));
                    return;
                }

                double ceiling = Ceiling(device, type, Square);
                findings.Figure($"{what}: a product of {Square} x {Square}", ceiling / 1e12, "TFLOP/s");
                Measure(findings, device, what, shape(blocks), lengths, type, quantization, ceiling);
            }, isAlone: true);
        }
    }

    private static void Measure(Findings findings, Device device, string what, ModelShape shape, int[] lengths, ScalarType type, LoraQuantization quantization, double ceiling)
    {
        using StepModel model = new(type, shape, device: device, quantization: quantization);
        using WholeStep step = new(model, GpuChecks.Kernels(device, type));
        Batch batch = model.Rows(lengths);

        // As a run has it.
        LoraMemoryPlan plan = new MemoryPlanner(step.Fused, model.Model, model.Adapter, new(), [new(lengths, batch.TargetCount)]).Plan(cache: 0);
        step.Fused.LossChunk = plan.LossChunk;
        step.Fused.Recomputation = new(plan.RecomputedBlock, plan.RecomputedActivation, plan.RecomputedAttention);
        step.Fused.AttentionSlices = plan.AttentionSlice;
        if (step.Fused.Recomputation != default)
        {
            findings.Tell($"{what}, computed again", $"{plan.RecomputedBlock} whole blocks, norms and activations of {plan.RecomputedActivation}, attention of {plan.RecomputedAttention}");
        }

        List<double> seconds = [];
        double last = 0;
        Stopwatch clock = Stopwatch.StartNew();
        for (int done = 0; done < WarmUps + MostSteps && (done <= WarmUps || clock.Elapsed < OfCase) && findings.Left.TotalSeconds > Care * last; done++)
        {
            // Gradients, clipping, the update, and what is read of a step, so that its end is waited for.
            last = Measurement.Seconds(() => step.Run(batch));
            if (done >= WarmUps)
            {
                seconds.Add(last);
            }
        }

        if (seconds.Count == 0)
        {
            findings.Leave(what, string.Create(CultureInfo.InvariantCulture, $"a step takes {last:F1} s, and {Math.Max(0, findings.Left.TotalSeconds):F0} s were left"));
            return;
        }

        double median = Measurement.Of(seconds).Median;
        findings.Figure(what, lengths.Sum() / median, "tokens/s");
        findings.Figure($"{what}, of the product rate", 100 * model.Work(batch) / median / ceiling, "% MFU");
        findings.Figure($"{what}, memory planned, with what was taken before", plan.Peak / 1e9, "GB");
        if (GpuChecks.Memory(device)?.Used is long used)
        {
            findings.Figure($"{what}, memory that is taken", used / 1e9, "GB");
        }
    }

    /// <summary>The rate of a large product, FLOP/s.</summary>
    private static double Ceiling(Device device, ScalarType type, long size)
    {
        using DisposeScope scope = NewDisposeScope();
        // Drawn: a card that multiplies ones takes less power, and is quicker for it.
        Tensor left = empty([size, size], dtype: type, device: device).normal_(0, 1);
        Tensor right = empty([size, size], dtype: type, device: device).normal_(0, 1);
        double seconds = Measurement.Of(
            () =>
            {
                using Tensor product = left.mm(right);
                using Tensor corner = product.narrow(0, 0, 1).narrow(1, 0, 1);
                _ = corner.ToDouble(); // waits
            },
            repetitions: 5,
            warmUps: 2).Median;
        return 2.0 * size * size * size / seconds;
    }
}
