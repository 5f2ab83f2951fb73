namespace Lora.Training;

/// <summary>The learning rate of each step: a straight rise to the peak over the warm-up, then the schedule.</summary>
/// <param name="Peak">The highest rate.</param>
/// <param name="Schedule">What follows the warm-up.</param>
/// <param name="WarmupSteps">Steps of the rise; the first step has 1/WarmupSteps of the peak.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
/// <remarks>
/// With p from 0 at the first step of what falls to 1 one step past the last, the rate is floor + (peak - floor) · f, where f is 1 - p (Linear),
/// (1 + cos πp) / 2 (Cosine) or 1 - √p over the last steps alone (WSD: warm-up, stable, decay, arXiv 2404.06395; the shape of the decay is that of arXiv
/// 2405.18392). They are transformers' get_linear_, get_cosine_with_min_lr_ and get_wsd_schedule, but for the warm-up, which is a step ahead.
/// </remarks>
internal sealed record LearningRate(double Peak, TrainingSchedule Schedule, int WarmupSteps, int TotalSteps)
{
    // The cosine ends at a tenth and not at zero: the last steps still learn.
    private const double CosineFloor = 0.1;

    // A fifth of the run is where arXiv 2405.18392 finds the most of what a decay gives.
    private const int DecayShare = 5;

    /// <summary>The rate that the fall ends at; null for the schedule's own.</summary>
    public double? Minimum { get; init; }

    /// <summary>Steps that WSD's fall takes; null for a fifth of the run.</summary>
    public int? DecaySteps { get; init; }

    /// <summary>Steps before the fall begins.</summary>
    public int StableUntil => Schedule == TrainingSchedule.WSD
        ? Math.Max(WarmupSteps, TotalSteps - (DecaySteps ?? Math.Max(1, TotalSteps / DecayShare)))
        : WarmupSteps;

    /// <summary>The rate of a step, counted from 1.</summary>
    public double Of(int step)
    {
        if (step <= WarmupSteps)
        {
            // Not from zero, or the first step would do nothing.
            return Peak * step / WarmupSteps;
        }

        double progress = Math.Max(0, (step - 1 - StableUntil) / (double)Math.Max(1, TotalSteps - StableUntil));
        double fall = Schedule switch
        {
            TrainingSchedule.Linear => 1 - progress,
            TrainingSchedule.Cosine => 0.5 * (1 + Math.Cos(Math.PI * progress)),
            TrainingSchedule.WSD => 1 - Math.Sqrt(progress),
            _ => 1,
        };
        double floor = Minimum is double least && Peak > 0 ? least / Peak : Schedule == TrainingSchedule.Cosine ? CosineFloor : 0;
        return Peak * (floor + ((1 - floor) * fall));
    }
}
