namespace Lora.Training;

/// <summary>The learning rate of each step: a straight rise to the peak over the warm-up, then the schedule.</summary>
/// <param name="Peak">The highest rate.</param>
/// <param name="Schedule">What follows the warm-up.</param>
/// <param name="WarmupSteps">Steps of the rise; the first step has 1/WarmupSteps of the peak.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
internal sealed record LearningRate(double Peak, TrainingSchedule Schedule, int WarmupSteps, int TotalSteps)
{
    private const double CosineFloor = 0.1;

    /// <summary>The rate of a step, counted from 1.</summary>
    public double Of(int step)
    {
        if (step <= WarmupSteps)
        {
            // Not from zero, or the first step would do nothing.
            return Peak * step / WarmupSteps;
        }

        // 0 at the first step after the warm-up, 1 one step past the last.
        double progress = (step - 1 - WarmupSteps) / (double)Math.Max(1, TotalSteps - WarmupSteps);

        // The cosine ends at a tenth and not at zero: the last steps still learn.
        return Peak * Schedule switch
        {
            TrainingSchedule.Linear => 1 - progress,
            TrainingSchedule.Cosine => CosineFloor + ((1 - CosineFloor) * 0.5 * (1 + Math.Cos(Math.PI * progress))),
            _ => 1,
        };
    }
}
