using System.Diagnostics;
using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Training;

/// <summary>The optimiser steps of one run. It reports one record a step and knows nothing of files or shells.</summary>
internal sealed class TrainingLoop(IStepEngine engine, AttachedAdapter adapter, AdamW optimizer, TrainingOptions options)
{
    private readonly List<LoraTrainingStep> history = [];

    /// <summary>The steps done so far.</summary>
    public IReadOnlyList<LoraTrainingStep> History => history;

    /// <summary>Runs the steps.</summary>
    /// <param name="steps">The batches of each step.</param>
    /// <param name="rate">The learning rate of each step.</param>
    /// <param name="report">Called after each step, on this thread.</param>
    /// <param name="cancellation">Checked before each batch; the step under way is given up.</param>
    /// <exception cref="LoraException">LossNotFinite; the adapter has the values of the step before.</exception>
    public LoraStopReason Run(IEnumerable<TrainingStepBatches> steps, LearningRate rate, Action<LoraTrainingStep> report, CancellationToken cancellation)
    {
        adapter.IsTraining = true;
        try
        {
            return RunSteps(steps, rate, report, cancellation);
        }
        finally
        {
            adapter.IsTraining = false;
        }
    }

    private LoraStopReason RunSteps(IEnumerable<TrainingStepBatches> steps, LearningRate rate, Action<LoraTrainingStep> report, CancellationToken cancellation)
    {
        Stopwatch clock = Stopwatch.StartNew();
        foreach (TrainingStepBatches step in steps)
        {
            using DisposeScope scope = NewDisposeScope();
            TimeSpan begin = clock.Elapsed;
            adapter.Arena.Gradients.zero_();
            if (Backward(step, cancellation) is not double loss)
            {
                return LoraStopReason.Cancelled;
            }

            double norm = GradientNorm.Clip(adapter.Arena.Gradients, options.MaxGradientNorm);
            ThrowUnlessFinite(step.Number, loss, norm);
            optimizer.Step(rate.Of(step.Number));
            LoraTrainingStep record = new()
            {
                Step = step.Number,
                TotalStep = rate.TotalSteps,
                Epoch = step.Epoch,
                Loss = loss,
                LearningRate = rate.Of(step.Number),
                GradientNorm = norm,
                Token = step.Tokens,
                SupervisedToken = step.SupervisedTokens,
                TokenPerSecond = step.Tokens / (clock.Elapsed - begin).TotalSeconds,
                Elapsed = clock.Elapsed,
            };
            history.Add(record);
            report(record);
        }

        return LoraStopReason.Completed;
    }

    /// <summary>Adds up the gradients of a step's batches; the mean loss of its supervised tokens, or null when it was cancelled.</summary>
    private double? Backward(TrainingStepBatches step, CancellationToken cancellation)
    {
        double loss = 0;
        foreach ((Batch batch, SupervisedRows rows) in step.Batches)
        {
            if (cancellation.IsCancellationRequested)
            {
                return null;
            }

            loss += engine.AddGradients(batch, rows, 1.0 / step.SupervisedTokens);
            adapter.GatherGradients();
        }

        return loss;
    }

    private static void ThrowUnlessFinite(int step, double loss, double norm)
    {
        if (!double.IsFinite(loss) || !double.IsFinite(norm))
        {
            bool isLoss = !double.IsFinite(loss);
            throw LoraException.Of(LoraError.LossNotFinite, step, step, isLoss ? "loss" : "gradient norm", isLoss ? loss : norm);
        }
    }
}
