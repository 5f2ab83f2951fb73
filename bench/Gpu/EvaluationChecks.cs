using Lora.Data;
using Lora.Models;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>What evaluations of choices take against what was planned, and that torch lets go of it again, so that the next plan of a session does not count it as taken.</summary>
internal static class EvaluationChecks
{
    private const double Left = 0.1; // of what was taken

    /// <summary>Runs all of them.</summary>
    public static void Run(Findings findings, Device device)
    {
        foreach ((string name, ModelShape shape, ModelShape small) in new[]
        {
            ("choices by 8 blocks of SmolLM-135M", Shapes.SmolLM(8), Shapes.Tiny()), ("choices by 2 blocks of Gemma 2 of 2B", Shapes.Gemma2(2), Shapes.TinyGemma2()),
        })
        {
            // What was freed before would be given out again, and nothing measured.
            findings.Try(name, () => Measure(findings, device, name, findings.IsCard ? shape : small), isAlone: true);
        }
    }

    private static void Measure(Findings findings, Device device, string name, ModelShape shape)
    {
        ScalarType type = GpuChecks.UsualType(device);
        using StepModel model = new(type, shape, device: device);
        FusedStep step = model.Fused(GpuChecks.Kernels(device, type));

        // The first evaluation brings kernels and cuBLAS's own memory, which are there before anything is measured and so are left out of the plan here.
        step.SumEach([Text(8, 1), Text(8, 2)]);
        CachedMemory.GiveBack(device);
        long? before = GpuChecks.Memory(device)?.Used;
        TrainingExample[] texts = findings.IsCard ? [Text(3000, 500), Text(3000, 20), Text(3000, 400)] : [Text(60, 20), Text(60, 5)];
        long planned = step.Memory.EvaluationPeak(SharedBeginning.Of(texts)!.Shape, step.LossChunk) - FrozenProduct.Workspace(device);
        step.SumEach(texts);
        int overflow = step.Overflow;
        long? measured = GpuChecks.Memory(device)?.Used - before;
        step.Dispose();
        CachedMemory.GiveBack(device);
        findings.Figure($"{name}, planned", planned / 1e6, "MB");
        if (measured is long taken)
        {
            // torch keeps what was freed until it is asked for it, so that what it holds after the evaluation is the most that it had.
            MemoryChecks.Hold(findings, name, taken, planned);
            findings.Check($"{name}, what is taken when torch gave back what it keeps, over what was", (GpuChecks.Memory(device)?.Used - before ?? double.NaN) / (double)taken, Left);
        }
        else
        {
            findings.Leave($"{name}, measured", findings.IsCard ? "the driver does not say what is used" : "there is no card");
        }

        findings.Check($"{name}, tensors for which there was no room where it was planned", overflow, 0);
    }

    /// <summary>A question, the same for all, and an answer, each token of which is learned.</summary>
    private static TrainingExample Text(int question, int answer)
    {
        int[] ids = [.. Enumerable.Range(0, question).Select(place => place % 200), .. Enumerable.Range(0, answer).Select(place => 200 + ((place + answer) % 200))];
        return new(ids, [.. ids.Select((id, place) => place < question ? TrainingExample.Unsupervised : id)], 1);
    }
}
