using Lora.Data;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>What a step takes against what it was planned to, and that a run goes on after a lack of memory.</summary>
internal static class MemoryChecks
{
    // No device has so much.
    private const long TooMuch = 1L << 47;

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
            double loss = step.AddGradients(batch, rows, 1.0 / rows.Count);
            bool isNamed = false;
            try
            {
                TorchMemoryFailure.Named(() => empty([TooMuch], dtype: ScalarType.Byte, device: device).Dispose());
            }
            catch (LoraException exception) when (exception.Error == LoraError.OutOfMemory)
            {
                isNamed = true;
            }

            findings.Check("a lack of memory that is not named", isNamed ? 0 : 1, 0);
            findings.Check("the loss after it less the loss before", Math.Abs(step.AddGradients(batch, rows, 1.0 / rows.Count) - loss), 0);
        });
    }

    private static long Taken(Device device) => NvidiaManagement.Memory(Math.Max(0, device.index))?.Used ?? 0;
}
