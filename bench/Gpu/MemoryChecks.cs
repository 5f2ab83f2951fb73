using Lora.Data;
using Lora.Models;
using Lora.Native;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>What a step takes against what it was planned to, and that a run goes on after a lack of memory.</summary>
internal static class MemoryChecks
{
    // Of a run that lacks memory at its second.
    private const int Steps = 4;

    /// <summary>Runs all of them.</summary>
    public static void Run(Findings findings, Device device)
    {
        findings.Begin("Memory");
        bool isCard = device.type == DeviceType.CUDA;
        ScalarType type = isCard ? ScalarType.BFloat16 : ScalarType.Float32;
        using StepModel model = new(type, isCard ? Shapes.SmolLM(8) : Shapes.Tiny(), device: device);
        using FusedStep step = model.Fused(GpuBenchmark.Kernels(device, type));
        Batch batch = isCard ? model.Rows(512, 512, 512, 512) : model.Rows(100, 60);
        SupervisedRows rows = SupervisedRows.Of(batch);
        long planned = step.Memory.Peak(new([.. batch.Lengths], rows.Count), default);
        findings.Figure("memory of a step, planned", planned / 1e6, "MB");
        findings.Try("a step", () =>
        {
            long before = Taken(device);
            step.AddGradients(batch, rows, 1.0 / rows.Count);
            if (!isCard)
            {
                findings.Leave("memory of a step, measured", "there is no card; for a processor there is `bench plan`");
                return;
            }

            // torch keeps what was freed, so that what it holds afterwards is the most that it had.
            double measured = Taken(device) - before;
            findings.Figure("memory of a step, measured", measured / 1e6, "MB");
            findings.Check("memory of a step over the plan's", measured / planned, 1.15);
        });
        findings.Check("tensors for which there was no room where it was planned", step.Overflow, 0);
        findings.Try("a lack of memory", () =>
        {
            using Tensor start = model.Adapter.Arena.Values.clone();
            double[] expected = Losses(findings, device, model, batch, start, starvedAt: null);
            double[] found = Losses(findings, device, model, batch, start, starvedAt: 2);
            findings.Check("losses of a run that goes on after a lack of memory, less those of one that lacked none", expected.Zip(found, (left, right) => Math.Abs(left - right)).Append(Math.Abs(expected.Length - found.Length)).Max(), 0);
        });
    }

    /// <summary>The losses of a few steps of a run's own loop, from the same start; where it lacks memory it is gone on with when that is back.</summary>
    private static double[] Losses(Findings findings, Device device, StepModel model, Batch batch, Tensor start, int? starvedAt)
    {
        using (no_grad())
        {
            model.Adapter.Arena.Values.copy_(start);
        }

        using StarvedStep engine = new(model.Fused(GpuBenchmark.Kernels(device, model.Model.Fused.Embedding.dtype)), device, starvedAt);
        using AdamW optimizer = new(model.Adapter.Arena.Values, model.Adapter.Arena.Gradients, weightDecay: 0.01);
        TrainingLoop loop = new(engine, model.Adapter, optimizer, new TrainingOptions());
        LoraError? error = null;
        try
        {
            Run();
        }
        catch (LoraException exception)
        {
            error = exception.Error;
            engine.Feed();
            Run();
        }

        if (starvedAt is not null)
        {
            findings.Check("a lack of memory within a run that its loop does not name", error == LoraError.OutOfMemory ? 0 : 1, 0);
        }

        return [.. loop.History.Select(step => step.Loss)];

        void Run() => loop.Run(
            Enumerable.Range(1, Steps).Skip(loop.History.Count).Select(number => new TrainingStepBatches(number, 0, [batch])), new(1e-3, TrainingSchedule.Constant, 0, Steps), _ => { }, CancellationToken.None);
    }

    private static long Taken(Device device) => NvidiaManagement.Memory(Math.Max(0, device.index))?.Used ?? 0;
}
