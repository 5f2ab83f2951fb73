using Lora.Data;
using Lora.Models;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>A batch that finds no memory, which is thrown here as TorchSharp throws it, costs a run nothing but its rest.</summary>
public class OutOfMemoryTests
{
    private const string Text = "CUDA out of memory. Tried to allocate 2.00 GiB.";

    private static readonly TrainingOptions Options = ExampleRun.Options with { MaxStep = 6, SaveStep = 100 };

    [Fact]
    public void The_run_ends_with_the_adapter_of_the_step_before_and_can_be_resumed()
    {
        using TemporaryFolder folder = new();
        LoraTrainingResult whole = ExampleRun.Train(ExampleRun.Config, Options with { OutputPath = folder.File("whole") });
        TrainingOptions options = Options with { OutputPath = folder.File("parts") };
        RecordingObserver observer = new();

        LoraTrainingResult stopped = TrainUntilMemoryLacks(options, observer, goodSteps: 3);
        LoraTrainingResult resumed = ExampleRun.Train(ExampleRun.Config, options with { Resume = true });

        Assert.Equal((LoraStopReason.OutOfMemory, 3), (stopped.StopReason, stopped.History.Length));
        Assert.Equal(options.OutputPath, stopped.AdapterPath);
        Assert.NotNull(stopped.Before);
        Assert.Null(stopped.After); // it might find no memory either
        LoraException failure = Assert.Single(observer.Failures);
        Assert.Equal(LoraError.OutOfMemory, failure.Error);
        Assert.Contains(Text, failure.Message, StringComparison.Ordinal);
        Assert.Equal([4, 5, 6], resumed.History.Select(step => step.Step));
        Assert.Equal(ExampleRun.Values(whole.Adapter!), ExampleRun.Values(resumed.Adapter!));
    }

    [Fact]
    public void A_largest_batch_that_finds_no_memory_is_an_error_before_the_first_evaluation_and_step()
    {
        using TemporaryFolder folder = new();
        RecordingObserver observer = new();
        LoraException failure = Assert.Throws<LoraException>(() => TrainUntilMemoryLacks(Options with { OutputPath = folder.File("adapter") }, observer, goodSteps: -1));

        Assert.Equal(LoraError.OutOfMemory, failure.Error);
        Assert.Contains("-BatchSize", failure.Problems[0].Advice, StringComparison.Ordinal);
        Assert.Empty(observer.Steps);
        Assert.DoesNotContain(observer.Stages, stage => stage.StartsWith("Evaluating", StringComparison.Ordinal));
        Assert.False(Directory.Exists(folder.File("adapter")));
    }

    [Fact]
    public void Outside_a_step_it_ends_the_command_with_the_same_name()
    {
        RecordingObserver observer = new(_ => throw new TorchFailure(Text));
        LoraException failure = Assert.Throws<LoraException>(() => ExampleRun.Train(ExampleRun.Config, ExampleRun.Options, observer));

        Assert.Equal(LoraError.OutOfMemory, failure.Error);
    }

    private static LoraTrainingResult TrainUntilMemoryLacks(TrainingOptions options, RecordingObserver observer, int goodSteps)
    {
        TrainingPlan plan = TrainingPlan.Make(ExampleRun.Config, ExampleRun.Data, options).On(TorchSharp.DeviceType.CPU, TorchSharp.torch.ScalarType.Float32, options);
        using LoadedModel loaded = LoadedModel.Load(new(plan.Folder, plan.Weights, ExampleRun.Data, options), observer, CancellationToken.None);
        return new TrainingRun(plan, loaded, options, observer, Choose, CancellationToken.None).Execute();

        (IStepEngine, string?) Choose(TaskModel model, IEnumerable<Lora.Adapters.AdaptedLayer> layers) =>
            (new GreedyStep(StepEngines.Choose(model, layers).Engine, goodSteps), "a test");
    }

    /// <summary>Finds memory for the rehearsal and so many batches.</summary>
    private sealed class GreedyStep(IStepEngine inner, int good) : IStepEngine
    {
        private int done;

        public TorchSharp.torch.Tensor QueueGradients(Batch batch, SupervisedRows rows, double scale) =>
            done++ <= good ? inner.QueueGradients(batch, rows, scale) : throw new TorchFailure(Text);

        public LossSum SumLoss(Batch batch, SupervisedRows rows) => inner.SumLoss(batch, rows);

        public void Dispose() => inner.Dispose();
    }
}
