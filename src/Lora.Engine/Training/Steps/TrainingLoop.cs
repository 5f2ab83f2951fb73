using System.Diagnostics;
using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>The optimiser steps of one run. It reports one record a step and knows nothing of files or shells.</summary>
/// <param name="engine">Computes losses and gradients.</param>
/// <param name="adapter">What is trained.</param>
/// <param name="optimizer">Changes it.</param>
/// <param name="options">How it trains.</param>
/// <param name="scaling">Of the loss; null for none.</param>
internal sealed class TrainingLoop(IStepEngine engine, AttachedAdapter adapter, AdamW optimizer, TrainingOptions options, LossScaling? scaling = null)
{
    private readonly List<LoraTrainingStep> history = [];

    /// <summary>The steps done so far.</summary>
    public IReadOnlyList<LoraTrainingStep> History => history;

    /// <summary>The last of them; null before the first.</summary>
    public int? Last => history is [.., LoraTrainingStep last] ? last.Step : null;

    /// <summary>Runs the steps.</summary>
    /// <param name="steps">The batches of each step.</param>
    /// <param name="rate">The learning rate of each step.</param>
    /// <param name="report">Called after each step, on this thread.</param>
    /// <param name="cancellation">Checked before each batch; the step under way is given up.</param>
    /// <exception cref="LoraException">LossNotFinite or OutOfMemory; the adapter has the values of the step before.</exception>
    public LoraStopReason Run(IEnumerable<TrainingStepBatches> steps, LearningRate rate, Action<LoraTrainingStep> report, CancellationToken cancellation)
    {
        adapter.IsTraining = true;
        try
        {
            return RunSteps(steps, rate, report, cancellation);
        }
        finally
        {
            // However the steps end: evaluation follows, and must not drop.
            adapter.IsTraining = false;
        }
    }

    private LoraStopReason RunSteps(IEnumerable<TrainingStepBatches> steps, LearningRate rate, Action<LoraTrainingStep> report, CancellationToken cancellation)
    {
        Stopwatch clock = Stopwatch.StartNew();
        foreach (TrainingStepBatches step in steps)
        {
            // Whatever a step leaves undisposed ends with it, so a run of any length takes the memory of one step.
            using DisposeScope scope = NewDisposeScope();
            TimeSpan begin = clock.Elapsed;

            // One fill for all modules: their gradients are views of one tensor.
            adapter.Arena.Gradients.zero_();
            double scale = scaling?.Scale.Factor ?? 1;

            // A step that is given up has changed gradients only; the values are those of the last whole step.
            if (Backward(step, scale, cancellation) is not double loss)
            {
                return LoraStopReason.Cancelled;
            }

            double norm = Norm(scale);

            // Before the optimiser, so that no bad value ever comes near the adapter or its moments.
            bool isSkipped = IsOverflow(step.Number, loss, norm);
            if (!isSkipped)
            {
                optimizer.Step(rate.Of(step.Number));
            }

            LoraTrainingStep record = new()
            {
                Step = step.Number,
                TotalStep = rate.TotalSteps,
                Epoch = step.Epoch,
                Loss = loss,
                LearningRate = rate.Of(step.Number),
                GradientNorm = norm,
                LossScale = scale,
                IsSkipped = isSkipped,
                Token = step.Tokens,
                SupervisedToken = step.SupervisedTokens,
                // Tokens without padding: what was learned from, not what was computed.
                TokenPerSecond = step.Tokens / (clock.Elapsed - begin).TotalSeconds,
                Elapsed = clock.Elapsed,
            };
            history.Add(record);
            report(record);
        }

        return LoraStopReason.Completed;
    }

    /// <summary>Adds up the gradients of a step's batches; the mean loss of its supervised tokens, or null when it was cancelled.</summary>
    private double? Backward(TrainingStepBatches step, double scale, CancellationToken cancellation)
    {
        double loss = 0;
        foreach ((Batch batch, SupervisedRows rows) in step.Batches)
        {
            // Between batches, so that Ctrl+C waits for one batch and not for a step of many.
            if (cancellation.IsCancellationRequested)
            {
                return null;
            }

            // A sum over tokens divided by all tokens of the step: a mean of the batches' means would weigh tokens of short batches more.
            loss += TorchMemoryFailure.Named(() => engine.AddGradients(batch, rows, scale / step.SupervisedTokens));
            adapter.GatherGradients();
        }

        return loss / scale;
    }

    /// <summary>Takes the scale out of the gradients and clips them; their norm without the scale.</summary>
    private double Norm(double scale)
    {
        if (scaling is not null)
        {
            // Before clipping, whose limit is meant for the true norm.
            adapter.Arena.Gradients.Divide(scale);
        }

        return GradientNorm.Clip(adapter.Arena.Gradients, options.MaxGradientNorm);
    }

    /// <summary>Whether the step is to be skipped because its gradients overflowed. The norm is finite when all of them are.</summary>
    /// <exception cref="LoraException">LossNotFinite: another scale would not help.</exception>
    private bool IsOverflow(int step, double loss, double norm)
    {
        bool isLoss = !double.IsFinite(loss);
        if (!isLoss && double.IsFinite(norm))
        {
            scaling?.OnDone();
            return false;
        }

        // A loss that is not finite is no matter of scale: the scale only enters what is differentiated.
        return !isLoss && scaling?.OnOverflow() == true
            ? true
            : throw LoraException.Of(LoraError.LossNotFinite, step, step, isLoss ? "loss" : "gradient norm", isLoss ? loss : norm);
    }
}
