using System.Globalization;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using Lora.Training;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>The memory that a step is planned to take against the most that the process had in it.</summary>
internal static class PlanBenchmark
{
    private static readonly (string Name, Func<ModelShape> Shape, ScalarType Type, int Lowest, int[] Lengths, Recomputation Recomputation)[] Cases =
    [
        ("all blocks", () => Shapes.SmolLM(8), ScalarType.Float32, 0, [512, 512, 512, 512], default),
        ("all blocks, attention computed again", () => Shapes.SmolLM(8), ScalarType.Float32, 0, [512, 512, 512, 512], new(0, 0, 7)),
        ("all blocks, norms and activations computed again", () => Shapes.SmolLM(8), ScalarType.Float32, 0, [512, 512, 512, 512], new(0, 7, 7)),
        ("all blocks, 4 blocks computed again", () => Shapes.SmolLM(8), ScalarType.Float32, 0, [512, 512, 512, 512], new(4, 7, 7)),
        ("all blocks, 7 blocks computed again", () => Shapes.SmolLM(8), ScalarType.Float32, 0, [512, 512, 512, 512], Recomputation.Full(8)),
        ("the upper quarter", () => Shapes.SmolLM(8), ScalarType.Float32, 6, [512, 512, 512, 512], default),
        ("one long row", () => Shapes.SmolLM(8), ScalarType.Float32, 0, [2048], default),
        ("one long row, attention computed again", () => Shapes.SmolLM(8), ScalarType.Float32, 0, [2048], new(0, 0, 7)),
        ("short rows", () => Shapes.SmolLM(8), ScalarType.Float32, 0, [.. Enumerable.Repeat(100, 16)], default),
        ("bfloat16", () => Shapes.SmolLM(4), ScalarType.BFloat16, 0, [512, 512], default),
        ("Llama-3.2-1B's shape, 2 blocks", () => Shapes.Llama1B(2), ScalarType.Float32, 0, [512], default),
        ("Gemma 3's shape, 6 blocks", () => Shapes.Gemma3(6), ScalarType.Float32, 0, [512, 512, 512, 512], default),
    ];

    // It takes a few steps for the pieces that are kept to settle.
    private const int StepsKept = 5;

    public static void Run()
    {
        TorchLibrary.Load();
        Table.Head("plan", "planned, GB", "measured, GB", "measured / planned", "freed memory kept, GB", "measured / planned");
        foreach ((string name, Func<ModelShape> shape, ScalarType type, int lowest, int[] lengths, Recomputation recomputation) in Cases)
        {
            using StepModel model = new(type, shape(), lowest);
            using FusedStep step = (FusedStep)StepEngines.Choose(model.Model, model.Adapter.Layers).Engine;
            step.Recomputation = recomputation;
            Batch batch = model.Rows(lengths);
            SupervisedRows rows = SupervisedRows.Of(batch);
            long planned = AvailableMemory.Taken() + step.Memory.Peak(new(lengths, rows.Count), recomputation);
            long returned = Measured(AllocatorTuning.ReturnFreedMemory, 1);
            bool isSlow = type == ScalarType.BFloat16 && !Machine.MultipliesBFloat16;
            long kept = Measured(AllocatorTuning.KeepFreedMemory, isSlow ? 1 : StepsKept);
            Table.Row(
                $"{name}, {type}, {lengths.Length} x {lengths[0]} tokens",
                Gigabytes(planned), Gigabytes(returned), Ratio(returned, planned), Gigabytes(kept), Ratio(kept, planned));

            long Measured(Func<AllocatorTuning> tune, int steps)
            {
                using AllocatorTuning tuning = tune();
                Machine.ResetPeakMemory();
                for (int done = 1; done <= steps; done++)
                {
                    step.AddGradients(batch, rows, 1.0 / rows.Count);
                    AllocatorTuning.TrimAfter(done); // as runs do
                }

                return Machine.PeakMemory();
            }
        }
    }

    private static string Gigabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:F2}");

    private static string Ratio(long measured, long planned) => string.Create(CultureInfo.InvariantCulture, $"{(double)measured / planned:F2}");
}
