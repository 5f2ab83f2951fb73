using Lora.Data;
using Lora.Models;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>What steps take against what they were planned to take.</summary>
internal static class MemoryChecks
{
    private const double Most = 1.15; // of the plan's
    private const double MostPlanned = 2; // times what was measured: with less the memory was not looked at, or the plan asks for too much

    private static readonly (string Name, ModelShape Shape, ModelShape Small, LoraQuantization Quantization, LoraConfig Config)[] Cases =
    [
        ("8 blocks of SmolLM-135M", Shapes.SmolLM(8), Shapes.Tiny(), LoraQuantization.None, new()),
        ("8 blocks of SmolLM-135M in NF4", Shapes.SmolLM(8), Shapes.Tiny(), LoraQuantization.NF4, new()),
        ("8 blocks of SmolLM-135M with dropout", Shapes.SmolLM(8), Shapes.Tiny(), LoraQuantization.None, new() { Dropout = 0.1 }),
        ("8 blocks of SmolLM-135M by DoRA", Shapes.SmolLM(8), Shapes.Tiny(), LoraQuantization.None, new() { UseDora = true }),
        ("2 blocks of Gemma 2 of 2B", Shapes.Gemma2(2), Shapes.TinyGemma2(), LoraQuantization.None, new()),
    ];

    /// <summary>Runs all of them.</summary>
    public static void Run(Findings findings, Device device)
    {
        foreach ((string name, ModelShape shape, ModelShape small, LoraQuantization quantization, LoraConfig config) in Cases)
        {
            // What was freed before would be given out again, and nothing measured.
            findings.Try(name, () => Measure(findings, device, name, findings.IsCard ? shape : small, quantization, config), isAlone: true);
        }
    }

    private static void Measure(Findings findings, Device device, string name, ModelShape shape, LoraQuantization quantization, LoraConfig config)
    {
        ScalarType type = GpuChecks.UsualType(device);
        using StepModel model = new(type, shape, device: device, quantization: quantization, config: config);
        using FusedStep step = model.Fused(GpuChecks.Kernels(device, type));
        Batch batch = findings.IsCard ? model.Rows(512, 512, 512, 512) : model.Rows(100, 60);
        SupervisedRows rows = SupervisedRows.Of(batch);
        Batch little = model.Rows(16);

        // The first step brings kernels and cuBLAS's own memory, which are there before anything is measured and so are left out of the plan here.
        step.AddGradients(little, SupervisedRows.Of(little), 1);
        long? before = GpuChecks.Memory(device)?.Used;
        long planned = step.Memory.Peak(new([.. batch.Lengths], rows.Count), default) - FrozenProduct.Workspace(device);
        findings.Figure($"{name}, planned", planned / 1e6, "MB");
        step.AddGradients(batch, rows, 1.0 / rows.Count);
        if (GpuChecks.Memory(device)?.Used - before is long measured)
        {
            // torch keeps what was freed, so that what it holds afterwards is the most that it had.
            Hold(findings, name, measured, planned);
        }
        else
        {
            findings.Leave($"{name}, measured", findings.IsCard ? "the driver does not say what is used" : "there is no card; for a processor there is `bench -- plan`");
        }

        findings.Check($"{name}, tensors for which there was no room where it was planned", step.Overflow, 0);
    }

    /// <summary>Holds what was measured to the plan, from both sides.</summary>
    public static void Hold(Findings findings, string name, long measured, long planned)
    {
        findings.Figure($"{name}, measured", measured / 1e6, "MB");
        findings.Check($"{name}, measured over planned", (double)measured / planned, Most);
        findings.Check($"{name}, planned over measured", measured > 0 ? (double)planned / measured : double.PositiveInfinity, MostPlanned);
    }
}
