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
/// <param name="warn">Told of steps that are skipped and of modules that nothing reaches; null for nobody.</param>
internal sealed class TrainingLoop(
    IStepEngine engine, AttachedAdapter adapter, AdamW optimizer, TrainingOptions options, LossScaling? scaling = null, Action<string>? warn = null)
{
    // One bad row gives one bad step; more of them in a row mean that the values themselves have gone astray.
    private const int MostNotFinite = 3;

    private readonly List<LoraTrainingStep> history = [];
    private readonly ProgressCheck check = new(adapter, optimizer, warn ?? (_ => { }));
    private int notFinite;

    /// <summary>The steps done so far.</summary>
    public IReadOnlyList<LoraTrainingStep> History => history;

    /// <summary>The last of them; null before the first.</summary>
    public int? Last => history is [.., LoraTrainingStep last] ? last.Step : null;

    /// <summary>What it has counted, which a run that is gone on with goes on counting.</summary>
    public LoopCounts Counts
    {
        get => new(notFinite, check.Unmoved);
        set => (notFinite, check.Unmoved) = (value.NotFinite, value.Unmoved);
    }

    /// <summary>Runs the steps.</summary>
    /// <param name="steps">The batches of each step.</param>
    /// <param name="rate">The learning rate of each step.</param>
    /// <param name="report">Called after each step, on this thread.</param>
    /// <param name="cancellation">Checked before each batch; the step under way is given up.</param>
    /// <param name="meanwhile">Called when a step is queued and before it is waited for, on this thread: a GPU computes while what is left of the step before is done.</param>
    /// <exception cref="LoraException">LossNotFinite, OutOfMemory or NothingLearned; the adapter has the values of the last good step.</exception>
    public LoraStopReason Run(IEnumerable<TrainingStepBatches> steps, LearningRate rate, Action<LoraTrainingStep> report, CancellationToken cancellation, Action? meanwhile = null)
    {
        adapter.IsTraining = true;
        try
        {
            return RunSteps(steps, rate, report, meanwhile, cancellation);
        }
        finally
        {
            // However the steps end: evaluation follows, and must not drop.
            adapter.IsTraining = false;
        }
    }

    private LoraStopReason RunSteps(
        IEnumerable<TrainingStepBatches> steps, LearningRate rate, Action<LoraTrainingStep> report, Action? meanwhile, CancellationToken cancellation)
    {
        Stopwatch clock = Stopwatch.StartNew();
        foreach (TrainingStepBatches step in steps)
        {
            // Whatever a step leaves undisposed ends with it, so a run of any length takes the memory of one step.
            using DisposeScope scope = NewDisposeScope();
            TimeSpan begin = clock.Elapsed;
            double scale = scaling?.Scale.Factor ?? 1;

            // A step that is given up has changed gradients only; the values are those of the last whole step.
            if (Queue(step, scale, rate.Of(step.Number), cancellation) is not StepFigures figures)
            {
                return LoraStopReason.Cancelled;
            }

            meanwhile?.Invoke();

            // The one place where the processor waits for the device.
            (double[] losses, double norm, bool? isUnmoved) = TorchMemoryFailure.Named(figures.Read);
            losses = [.. losses.Select(part => part / step.SupervisedTokens)];
            double loss = losses.Sum();

            // The device has decided so as well, and no bad value has come near the adapter or its moments.
            bool isSkipped = !double.IsFinite(loss) || !double.IsFinite(norm);
            check.Note(isSkipped, isUnmoved);
            string? reason = isSkipped ? Skip(step, losses, norm) : null;
            if (!isSkipped)
            {
                scaling?.OnDone();
                notFinite = 0;
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
                SkipReason = reason,
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

    /// <summary>Queues a step and reads nothing of it: gradients of its batches, their norm, clipping and the update; null when it was cancelled.</summary>
    /// <param name="step">The batches.</param>
    /// <param name="scale">What the loss is multiplied by before it is differentiated.</param>
    /// <param name="rate">lr.</param>
    /// <param name="cancellation">Checked before each batch.</param>
    internal StepFigures? Queue(TrainingStepBatches step, double scale, double rate, CancellationToken cancellation)
    {
        // One fill for all modules: their gradients are views of one tensor.
        adapter.Arena.Gradients.zero_();
        List<Tensor> losses = [];
        foreach ((Batch batch, SupervisedRows rows) in step.Batches)
        {
            // Between batches, so that Ctrl+C waits for one batch and not for a step of many.
            if (cancellation.IsCancellationRequested)
            {
                return null;
            }

            // A sum over tokens divided by all tokens of the step: a mean of the batches' means would weigh tokens of short batches more.
            losses.Add(TorchMemoryFailure.Named(() => engine.QueueGradients(batch, rows, scale / step.SupervisedTokens)));
            adapter.GatherGradients();
        }

        StepFigures figures = new(losses, Norm(scale));
        figures.IsUnmoved = TorchMemoryFailure.Named(() => check.Queue(rate, figures.Skip));
        return figures;
    }

    /// <summary>Takes the scale out of the gradients and clips them; their norm without the scale.</summary>
    private Tensor Norm(double scale)
    {
        if (scaling is not null)
        {
            // Before clipping, whose limit is meant for the true norm.
            adapter.Arena.Gradients.Divide(scale);
        }

        return GradientNorm.Clip(adapter.Arena.Gradients, options.MaxGradientNorm);
    }

    /// <summary>Notes a step that changes nothing.</summary>
    /// <returns>What was not finite and the rows; null where only gradients left the range of float16, which a smaller scale helps.</returns>
    /// <exception cref="LoraException">LossNotFinite: it was one too many.</exception>
    private string? Skip(TrainingStepBatches step, double[] losses, double norm)
    {
        // A loss that is not finite is no matter of scale: the scale only enters what is differentiated.
        bool isLoss = !double.IsFinite(losses.Sum());
        if (!isLoss && scaling?.OnOverflow() == true)
        {
            return null;
        }

        // A gradient may have come of any row, a loss only of those of its own batch.
        (string what, double value) = isLoss ? ("loss", losses.Sum()) : ("gradient norm", norm);
        Batch[] batches = [.. step.Batches.Select(entry => entry.Batch).Where((_, index) => !isLoss || !double.IsFinite(losses[index]))];
        string reason = $"its {what} is {value}, of {SkippedStep.Rows(batches)}";
        notFinite++;
        if (notFinite >= MostNotFinite)
        {
            throw LoraException.Of(LoraError.LossNotFinite, step.Number, step.Number, what, value, MostNotFinite, SkippedStep.Rows(batches));
        }

        warn?.Invoke($"Step {step.Number} was skipped: {reason}. The adapter is as it was before it.");
        return reason;
    }
}

/// <summary>What a loop counts over its steps.</summary>
/// <param name="NotFinite">Skipped steps in a row whose loss or gradients were not finite.</param>
/// <param name="Unmoved">Updates that moved nothing; null once one has moved anything.</param>
internal readonly record struct LoopCounts(int NotFinite, int? Unmoved);
