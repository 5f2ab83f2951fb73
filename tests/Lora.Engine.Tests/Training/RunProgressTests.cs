using Lora.Data;
using Lora.Text;
using Lora.Training;

namespace Lora.Tests.Training;

public sealed class RunProgressTests
{
    [Fact]
    public void Every_stage_says_how_far_it_is_and_comes_to_its_end()
    {
        using TemporaryFolder folder = new();
        RecordingObserver observer = new();
        TrainingOptions options = ExampleRun.Options with { Prompt = ["The fox"], PromptToken = 3, OutputPath = folder.File("adapter") };
        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, options, observer);

        Assert.Equal(
            [
                "Reading 'animal-notes.train.jsonl'", "Encoding 'animal-notes.train.jsonl'",
                "Reading 'animal-notes.validation.jsonl'", "Encoding 'animal-notes.validation.jsonl'",
                "Loading weights", "Continuing prompts",
                "Evaluating before the first step", "Training", "Writing 'adapter_model.safetensors'", "Evaluating after the last step",
            ],
            observer.Progress.Select(progress => progress.Stage).Distinct());
        foreach (IGrouping<string, WorkProgress> stage in observer.Progress.GroupBy(progress => progress.Stage))
        {
            Assert.Single(stage.Select(progress => progress.Total).Distinct());
            Assert.All(stage, progress => Assert.InRange(progress.Done, 0, progress.Total ?? long.MaxValue));
            WorkProgress last = stage.Last();
            Assert.True(last.Total is null || last.Unit == WorkUnit.Token || last.Done == last.Total, last.ToString());
        }

        Assert.Equal([folder.File("adapter")], observer.Written);
        Assert.InRange(result.TrainingElapsed, TimeSpan.FromTicks(1), result.Elapsed);
    }

    [Theory]
    [InlineData(LoraQuantization.None, WorkUnit.Row)]
    [InlineData(LoraQuantization.None, WorkUnit.Byte)]
    [InlineData(LoraQuantization.NF4, WorkUnit.Byte)]
    [InlineData(LoraQuantization.None, WorkUnit.Step)]
    public void A_run_that_is_stopped_before_its_first_step_ends_there_and_leaves_nothing(LoraQuantization quantization, WorkUnit during)
    {
        using TemporaryFolder folder = new();
        using CancellationTokenSource source = new();
        TrainingOptions options = ExampleRun.Options with { Quantization = quantization, OutputPath = folder.File("adapter") };
        StoppingObserver observer = new(during, source);

        Assert.ThrowsAny<OperationCanceledException>(() => ExampleRun.Train(ExampleRun.Config, options, observer, source.Token));
        Assert.False(Directory.Exists(folder.File("adapter")));
    }

    [Fact]
    public void A_run_until_it_is_stopped_begins_at_once()
    {
        using CancellationTokenSource source = new();
        RecordingObserver observer = new(step => Stop(step, source));
        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { MaxStep = int.MaxValue }, observer, source.Token);

        Assert.Equal((LoraStopReason.Cancelled, 2), (result.StopReason, result.History.Length));

        static void Stop(LoraTrainingStep step, CancellationTokenSource source)
        {
            if (step.Step == 2)
            {
                source.Cancel();
            }
        }
    }

    [Fact]
    public void Memory_is_planned_for_the_batches_of_a_hundred_thousand_and_for_the_largest_that_may_follow()
    {
        Dataset dataset = Dataset.Load(ExampleRun.Data.Dataset, Tokenizer.Load(ExampleRun.Model), new());
        TrainingSteps some = new(dataset, ExampleRun.Options with { MaxStep = 500 }, Batch.Padding);
        TrainingSteps endless = new(dataset, ExampleRun.Options with { MaxStep = int.MaxValue }, Batch.Padding);
        long largest = dataset.Examples.Select(row => (long)row.Ids.Length).OrderDescending().Take(2).Sum();

        Assert.Equal(500, some.Shapes(CancellationToken.None).Count());
        Assert.Equal(100_002, endless.Shapes(CancellationToken.None).Count());
        Assert.Equal(largest, endless.Shapes(CancellationToken.None).Skip(100_000).Max(shape => shape.Tokens));
        Assert.Throws<OperationCanceledException>(() => endless.Shapes(new(canceled: true)).Count());
    }

    [Fact]
    public void All_rows_in_one_batch_may_be_any_number()
    {
        Dataset dataset = Dataset.Load(ExampleRun.Data.Dataset, Tokenizer.Load(ExampleRun.Model), new());
        TrainingOptions all = new() { BatchSize = int.MaxValue, GradientAccumulation = int.MaxValue, Epoch = int.MaxValue };

        Assert.Equal(int.MaxValue, new TrainingSteps(dataset, all, Batch.Padding).Total);
        Assert.Equal(1, new TrainingSteps(dataset, all with { Epoch = 1 }, Batch.Padding).Total);
    }

    private sealed class StoppingObserver(WorkUnit during, CancellationTokenSource source) : ITrainingObserver
    {
        public void Report(WorkProgress value)
        {
            if (value.Unit == during)
            {
                source.Cancel();
            }
        }

        public void OnStage(string text)
        {
        }

        public void OnWarning(string text)
        {
        }

        public void OnFailure(LoraException failure) => throw failure;

        public void OnStep(LoraTrainingStep done) => Assert.Fail("a step was done");

        public void OnWritten(string folder, int ofStep) => Assert.Fail("an adapter was written");
    }
}
