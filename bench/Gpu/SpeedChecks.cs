using System.Diagnostics;
using System.Globalization;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>Tokens a second and the share of the device's own product rate, for the shapes that fit.</summary>
internal static class SpeedChecks
{
    private const int WarmUps = 2;
    private const int MostSteps = 8;

    // All parts together, and one case, which has to end before the next may begin.
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(270);
    private static readonly TimeSpan OfCase = TimeSpan.FromSeconds(8);

    private static readonly (string Name, Func<DecoderSizes> Sizes, int[] Lengths)[] Cases =
    [
        ("SmolLM-135M, 4 x 512", () => Shapes.SmolLM(30), [512, 512, 512, 512]),
        ("Llama-3.2-1B, 1 x 2048", () => Shapes.Llama1B(16), [2048]),
        ("Llama-3.1-8B, 1 x 2048", () => Shapes.Llama8B(32), [2048]),
        ("Llama-3.1-8B, 2 x 4096", () => Shapes.Llama8B(32), [4096, 4096]),
    ];

    private static readonly (ScalarType Type, LoraQuantization Quantization)[] Forms =
        [(ScalarType.BFloat16, LoraQuantization.None), (ScalarType.Float16, LoraQuantization.None), (ScalarType.BFloat16, LoraQuantization.NF4)];

    /// <summary>Runs those that fit and that there is time for; a small one where there is no card.</summary>
    public static void Run(Findings findings, Device device)
    {
        findings.Begin("Speed");
        if (device.type != DeviceType.CUDA)
        {
            findings.Try("two small blocks", () => Measure(findings, device, "two small blocks, 100 and 60 tokens", Shapes.Tiny(), [100, 60], ScalarType.Float32, LoraQuantization.None, Ceiling(device, ScalarType.Float32, 256)));
            Array.ForEach(Cases, left => findings.Leave(left.Name, "there is no card"));
            return;
        }

        foreach ((ScalarType type, LoraQuantization quantization) in Forms)
        {
            double ceiling = Ceiling(device, type, 8192);
            findings.Figure($"products, {type}", ceiling / 1e12, "TFLOP/s");
            foreach ((string name, Func<DecoderSizes> sizes, int[] lengths) in Cases)
            {
                string what = $"{name}, {(quantization == LoraQuantization.None ? type : quantization)}";
                double needed = Needed(sizes(), type, quantization, lengths);
                double free = NvidiaManagement.Memory(Math.Max(0, device.index))?.Free ?? 0;
                if (findings.Elapsed > Budget)
                {
                    findings.Leave(what, "the five minutes are over");
                }
                else if (needed > free)
                {
                    findings.Leave(what, string.Create(CultureInfo.InvariantCulture, $"it needs {needed / 1e9:F1} GB, and {free / 1e9:F1} GB are free"));
                }
                else
                {
                    findings.Try(what, () => Measure(findings, device, what, sizes(), lengths, type, quantization, ceiling));
                }
            }
        }
    }

    private static void Measure(Findings findings, Device device, string what, DecoderSizes sizes, int[] lengths, ScalarType type, LoraQuantization quantization, double ceiling)
    {
        using StepModel model = new(type, sizes, device: device, quantization: quantization);
        using FusedStep step = model.Fused(GpuBenchmark.Kernels(device, type));
        Batch batch = model.Rows(lengths);
        SupervisedRows rows = SupervisedRows.Of(batch);

        // As a run takes the loss; all else is kept, or the case would not have been begun.
        step.LossChunk = new MemoryPlanner(step, model.Model, model.Adapter, new(), [new(lengths, rows.Count)]).Plan(cache: 0).LossChunk;
        List<double> seconds = [];
        Stopwatch clock = Stopwatch.StartNew();
        for (int done = 0; done < WarmUps + MostSteps && (done <= WarmUps || clock.Elapsed < OfCase); done++)
        {
            // The loss is read, so that a step's end is waited for.
            double taken = Measurement.Seconds(() => step.AddGradients(batch, rows, 1.0 / rows.Count));
            if (done >= WarmUps)
            {
                seconds.Add(taken);
            }
        }

        double median = Measurement.Of(seconds).Median;
        findings.Figure(what, lengths.Sum() / median, "tokens/s");
        findings.Figure($"{what}, of the product rate", 100 * model.Work(batch) / median / ceiling, "% MFU");
    }

    /// <summary>The rate of a large product, FLOP/s.</summary>
    private static double Ceiling(Device device, ScalarType type, long size)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor left = ones([size, size], dtype: type, device: device);
        Tensor right = ones([size, size], dtype: type, device: device);
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

    private static double Needed(DecoderSizes sizes, ScalarType type, LoraQuantization quantization, int[] lengths)
    {
        using MetaStep step = new(type, sizes, quantization);
        return step.Memory(lengths);
    }
}
