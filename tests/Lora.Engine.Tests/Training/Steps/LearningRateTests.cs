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

    /// <summary>The numbers of transformers' get_wsd_schedule with decay_type 1-sqrt, which counts from 0: 2 steps of warm-up, 3 stable, 5 of decay.</summary>
    [Fact]
    public void WSD_stays_at_the_peak_and_falls_at_the_end()
    {
        LearningRate rate = new(1, TrainingSchedule.WSD, WarmupSteps: 2, TotalSteps: 10) { DecaySteps = 5 };
        Assert.Equal(
            [1, 1, 1, 1, 0.5527864045000421, 0.3675444679663241, 0.2254033307585166, 0.10557280900008414],
            Enumerable.Range(3, 8).Select(rate.Of),
            Closeness.To(12));
    }

    /// <summary>The same with min_lr_ratio 0.2, without a warm-up: 4 stable, 4 of decay.</summary>
    [Fact]
    public void WSD_falls_to_the_least_rate()
    {
        LearningRate rate = new(0.5, TrainingSchedule.WSD, WarmupSteps: 0, TotalSteps: 8) { DecaySteps = 4, Minimum = 0.1 };
        Assert.Equal([1, 1, 1, 1, 1, 0.6000000000000001, 0.434314575050762, 0.30717967697244913], Enumerable.Range(1, 8).Select(step => 2 * rate.Of(step)), Closeness.To(12));
    }

    /// <summary>transformers' get_cosine_with_min_lr_schedule_with_warmup, of 10 steps with 2 of warm-up and min_lr_rate 0.25.</summary>
    [Fact]
    public void Cosine_falls_to_the_least_rate_that_was_asked_for()
    {
        LearningRate rate = new(2, TrainingSchedule.Cosine, WarmupSteps: 2, TotalSteps: 10) { Minimum = 0.5 };
        Assert.Equal(
            [1, 0.9714548246917325, 0.8901650429449552, 0.7685062871369087, 0.625, 0.48149371286309134, 0.3598349570550447, 0.2785451753082675],
            Enumerable.Range(3, 8).Select(step => rate.Of(step) / 2),
            Closeness.To(12));
    }

    [Theory]
    [InlineData(100, 3, null, 80)]
    [InlineData(3, 0, null, 2)]
    [InlineData(100, 95, null, 95)]
    [InlineData(100, 3, 500, 3)]
    public void The_fall_of_WSD_is_a_fifth_of_the_run_and_never_reaches_into_the_warm_up(int total, int warmup, int? decay, int stable) =>
        Assert.Equal(stable, new LearningRate(1, TrainingSchedule.WSD, warmup, total) { DecaySteps = decay }.StableUntil);

    [Fact]
    public void A_rate_of_zero_stays_zero() =>
        Assert.Equal(0, new LearningRate(0, TrainingSchedule.Cosine, 0, 4) { Minimum = 0 }.Of(3));

    [Fact]
    public void A_run_shorter_than_its_warm_up_never_leaves_it()
    {
        LearningRate rate = new(1, TrainingSchedule.Cosine, WarmupSteps: 10, TotalSteps: 3);
        Assert.Equal(0.3, rate.Of(3), 12);
    }
}
