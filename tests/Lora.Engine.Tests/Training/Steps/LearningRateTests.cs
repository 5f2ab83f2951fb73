using Lora.Training;

namespace Lora.Tests.Training;

public class LearningRateTests
{
    [Fact]
    public void The_warm_up_rises_in_a_straight_line_to_the_peak()
    {
        LearningRate rate = new(1e-3, TrainingSchedule.Constant, WarmupSteps: 4, TotalSteps: 10);
        Assert.Equal([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3], Enumerable.Range(1, 5).Select(rate.Of), Closeness.To(12));
    }

    [Fact]
    public void Linear_falls_from_the_peak_towards_zero()
    {
        LearningRate rate = new(1, TrainingSchedule.Linear, WarmupSteps: 0, TotalSteps: 4);
        Assert.Equal([1, 0.75, 0.5, 0.25], Enumerable.Range(1, 4).Select(rate.Of), Closeness.To(12));
    }

    [Fact]
    public void Cosine_falls_from_the_peak_to_a_tenth()
    {
        LearningRate rate = new(1, TrainingSchedule.Cosine, WarmupSteps: 1, TotalSteps: 5);
        double half = 0.1 + (0.9 * 0.5);
        Assert.Equal(1, rate.Of(2), 12);
        Assert.Equal(half, rate.Of(4), 12);
        Assert.Equal(0.1 + (0.9 * 0.5 * (1 + Math.Cos(Math.PI * 0.75))), rate.Of(5), 12);
    }

    [Fact]
    public void A_run_shorter_than_its_warm_up_never_leaves_it()
    {
        LearningRate rate = new(1, TrainingSchedule.Cosine, WarmupSteps: 10, TotalSteps: 3);
        Assert.Equal(0.3, rate.Of(3), 12);
    }
}
