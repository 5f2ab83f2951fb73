using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>Sweeps over the example model.</summary>
internal static class SweepExample
{
    /// <summary>Sixteen steps of two rows.</summary>
    public static TrainingOptions Options { get; } = ExampleRun.Options with { MaxStep = 16, Schedule = TrainingSchedule.Cosine, WarmupStep = null };

    /// <summary>A point of the example with some values of its own.</summary>
    public static SweepPoint Point(params (string Name, object? Value)[] values) => PointOf(ExampleRun.Config, Options, values);

    /// <summary>A point with some values in place of a configuration's and of options'.</summary>
    public static SweepPoint PointOf(LoraConfig config, TrainingOptions options, params (string Name, object? Value)[] values)
    {
        OrderedDictionary<string, object?> parameter = new(values.Select(value => KeyValuePair.Create(value.Name, value.Value)));
        (LoraConfig changed, TrainingOptions trained) = SweepParameters.Apply(config, options, parameter);
        return new(parameter, changed, ExampleRun.Data, trained);
    }

    /// <summary>Points of some learning rates.</summary>
    public static SweepPoint[] Rates(params double[] rates) => [.. rates.Select(rate => Point((nameof(TrainingOptions.LearningRate), rate)))];

    public static IReadOnlyList<LoraSweepResult> Sweep(
        IReadOnlyList<SweepPoint> points, SweepOptions? options = null, ISweepObserver? observer = null, CancellationToken cancellation = default)
    {
        using SweepSession session = new();
        return session.Run(points, options ?? new(), observer, cancellation);
    }

    /// <summary>The training of a point by itself.</summary>
    public static LoraTrainingResult Alone(SweepPoint point, string? folder = null) =>
        ExampleRun.Train(point.Config, point.Options with { OutputPath = folder });
}

/// <summary>Keeps what a sweep says.</summary>
internal sealed class RecordingSweep(Action<LoraTrainingStep>? onStep = null, Action<LoraSweepResult>? onResult = null) : ISweepObserver
{
    public List<string> Stages { get; } = [];

    public List<string> Warnings { get; } = [];

    public List<(string Name, SweepProgress Progress)> Points { get; } = [];

    public List<LoraTrainingStep> Steps { get; } = [];

    public List<LoraSweepResult> Results { get; } = [];

    public List<(LoraSweepResult Point, LoraException Failure)> Failures { get; } = [];

    public void OnPoint(SweepPoint point, SweepProgress progress) => Points.Add((point.Name, progress));

    public void OnResult(LoraSweepResult result)
    {
        Results.Add(result);
        onResult?.Invoke(result);
    }

    public void OnFailure(LoraSweepResult point, LoraException failure) => Failures.Add((point, failure));

    public void OnFailure(LoraException failure) => Assert.Fail("A sweep's failures have their point.");

    public void OnStep(LoraTrainingStep done)
    {
        Steps.Add(done);
        onStep?.Invoke(done);
    }

    public void OnStage(string text) => Stages.Add(text);

    public void OnWarning(string text) => Warnings.Add(text);

    public void OnWritten(string folder, int ofStep)
    {
    }

    public void Report(WorkProgress value)
    {
    }
}
