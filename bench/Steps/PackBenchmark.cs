using System.Globalization;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using Lora.Training;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>Short documents of unequal lengths, end to end against padded to the longest, by the same step.</summary>
internal static class PackBenchmark
{
    private const int Layers = 30;
    private const int Documents = 32;
    private const double MeanLength = 100;
    private const int Repetitions = 2;

    public static void Run()
    {
        TorchLibrary.Load();
        using StepModel model = new(ScalarType.Float32, Shapes.SmolLM(Layers));
        using IStepEngine fused = StepEngines.Choose(model.Model, model.Adapter.Layers).Engine;
        using AllocatorTuning tuning = AllocatorTuning.ReturnFreedMemory();
        Batch packed = model.Rows(Lengths());
        Batch padded = Padded(packed);
        SupervisedRows packedRows = SupervisedRows.Of(packed);
        SupervisedRows paddedRows = SupervisedRows.Of(padded);
        double packedLoss = 0;
        double paddedLoss = 0;
        Measurement[] times = Measurement.InTurn(
            [
                () => packedLoss = fused.AddGradients(packed, packedRows, 1.0 / packedRows.Count),
                () => paddedLoss = fused.AddGradients(padded, paddedRows, 1.0 / paddedRows.Count),
            ],
            Repetitions);
        int tokens = packed.Lengths.Sum();
        Table.Head($"{Documents} documents of {tokens / Documents} tokens on average, the longest {packed.Length}, {Layers} blocks", "tokens/s, median (range)", "loss");
        Table.Row("end to end", times[0].Rate(tokens), Loss(packedLoss));
        Table.Row("padded", times[1].Rate(tokens), Loss(paddedLoss));
        Table.Row("ratio", string.Create(CultureInfo.InvariantCulture, $"{times[1].Median / times[0].Median:F2}"), "");
    }

    /// <summary>Lengths that fall off exponentially, as those of questions and answers do: the quantiles of that distribution.</summary>
    private static int[] Lengths() =>
        [.. Enumerable.Range(0, Documents).Select(index => 2 + (int)((MeanLength - 2) * -Math.Log(1 - ((index + 0.5) / Documents))))];

    /// <summary>The same documents with padding that is computed and not learned.</summary>
    private static Batch Padded(Batch batch) => Batch.Of(
        [
            .. batch.Examples.Select(example => new TrainingExample(
                [.. example.Ids, .. new int[batch.Length - example.Ids.Length]],
                [.. example.Labels, .. Enumerable.Repeat(TrainingExample.Unsupervised, batch.Length - example.Ids.Length)],
                example.Line)),
        ],
        padId: 0);

    private static string Loss(double loss) => string.Create(CultureInfo.InvariantCulture, $"{loss:F6}");
}
