using Lora.Training;

namespace Lora;

/// <summary>Is told how a sweep goes, on the thread that trains. What it is told of stages, steps and progress is of the point that trains.</summary>
public interface ISweepObserver : ITrainingObserver
{
    /// <summary>A part of a point's training begins.</summary>
    /// <param name="point">The point.</param>
    /// <param name="progress">How far the sweep is.</param>
    void OnPoint(SweepPoint point, SweepProgress progress);

    /// <summary>A point has ended: trained to its end, or not among those that go on.</summary>
    void OnResult(LoraSweepResult result);

    /// <summary>A point failed, or something of it; the others go on.</summary>
    /// <param name="point">What there is of the point.</param>
    /// <param name="failure">What failed.</param>
    void OnFailure(LoraSweepResult point, LoraException failure);
}

/// <summary>How far a sweep is.</summary>
/// <param name="Done">Parts of trainings that are done.</param>
/// <param name="Total">All parts: every point on every rung that it comes to, as many as go on when none fails.</param>
/// <param name="Rung">The rung, counted from 1.</param>
/// <param name="Rungs">All rungs.</param>
public sealed record SweepProgress(int Done, int Total, int Rung, int Rungs);
