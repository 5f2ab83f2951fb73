using Lora.Data;
using Lora.Training;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>That a run which lacks memory says so by name, and goes on as if nothing had been when it is back.</summary>
internal static class ShortageChecks
{
    private const int Steps = 4;
    private const int Starved = 2; // the step that lacks memory

    /// <summary>Runs all of them.</summary>
    public static void Run(Findings findings, Device device)
    {
        // It takes all of a card's memory.
        findings.Try("a lack of memory", () =>
        {
            ScalarType type = GpuChecks.UsualType(device);
            using StepModel model = new(type, findings.IsCard ? Shapes.SmolLM(8) : Shapes.Tiny(), device: device);
            Batch batch = findings.IsCard ? model.Rows(512, 512, 512, 512) : model.Rows(100, 60);
            using Tensor start = model.Adapter.Arena.Values.clone();
            (double[] expected, _) = Losses(model, device, batch, start, starvedAt: null);
            (double[] found, LoraError? error) = Losses(model, device, batch, start, Starved);
            findings.Check("a run that lacks memory says so by name", error == LoraError.OutOfMemory, error is null ? "it lacked none" : $"it said {error}");
            findings.Check("its steps, of those of a run that lacks none, that are missing", expected.Length - found.Length, 0);
            findings.Check("its losses against that run's", expected.Zip(found, (left, right) => Math.Abs(left - right)).Max(), 0);
        }, isAlone: true);
    }

    /// <summary>The losses of a few steps of a run's own loop, from the same start; where it lacks memory it is gone on with when that is back.</summary>
    private static (double[] Losses, LoraError? Error) Losses(StepModel model, Device device, Batch batch, Tensor start, int? starvedAt)
    {
        using (no_grad())
        {
            model.Adapter.Arena.Values.copy_(start);
        }

        using StarvedStep engine = new(model.Fused(GpuChecks.Kernels(device, model.Model.Fused.Embedding.dtype)), device, starvedAt);
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

        return ([.. loop.History.Select(step => step.Loss)], error);

        void Run() => loop.Run(
            Enumerable.Range(1, Steps).Skip(loop.History.Count).Select(number => new TrainingStepBatches(number, 0, [batch])), new(1e-3, TrainingSchedule.Constant, 0, Steps), _ => { }, CancellationToken.None);
    }
}
