using Lora.Adapters;
using Lora.Training;

namespace Lora.Tests.Training;

public class TrainingSessionTests
{
    [Fact]
    public void Two_runs_with_one_seed_are_bit_equal()
    {
        LoraConfig config = ExampleRun.Config with { Dropout = 0.2 };
        LoraTrainingResult one = ExampleRun.Train(config, ExampleRun.Options);
        LoraTrainingResult other = ExampleRun.Train(config, ExampleRun.Options);

        Assert.Equal(one.History.Select(step => step.Loss), other.History.Select(step => step.Loss));
        Assert.Equal(ExampleRun.Values(one.Adapter!), ExampleRun.Values(other.Adapter!));
    }

    [Fact]
    public void Another_seed_gives_another_adapter()
    {
        LoraTrainingResult one = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options);
        LoraTrainingResult other = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { Seed = 43 });

        Assert.NotEqual(ExampleRun.Values(one.Adapter!).First().Bytes, ExampleRun.Values(other.Adapter!).First().Bytes);
    }

    [Fact]
    public void A_configuration_trained_after_another_on_one_loaded_model_equals_one_trained_alone()
    {
        LoraConfig second = ExampleRun.Config with { TargetModule = ["v_proj"], Bias = LoraBias.None };
        using TrainingSession session = new();
        session.Train(ExampleRun.Config, ExampleRun.Data, ExampleRun.Options, new RecordingObserver(), CancellationToken.None);
        LoraTrainingResult after = session.Train(second, ExampleRun.Data, ExampleRun.Options, new RecordingObserver(), CancellationToken.None);
        LoraTrainingResult alone = ExampleRun.Train(second, ExampleRun.Options);

        Assert.Equal(alone.Before, after.Before);
        Assert.Equal(ExampleRun.Values(alone.Adapter!), ExampleRun.Values(after.Adapter!));
    }

    [Theory]
    [InlineData("pissa", false)]
    [InlineData("olora", true)]
    [InlineData("true", true)]
    public void A_result_does_on_the_base_model_what_it_did_in_training(string initialization, bool useDora)
    {
        LoraConfig config = ExampleRun.Config with { Initialization = initialization, UseDora = useDora, ModulesToSave = ["norm", "lm_head"] };
        using TrainingSession session = new();
        LoraTrainingResult trained = session.Train(config, ExampleRun.Data, ExampleRun.Options, new RecordingObserver(), CancellationToken.None);
        using TemporaryFolder folder = new();
        AdapterFolder.Save(trained.Adapter!, folder.Path);

        LoraConfig saved = AdapterFolder.Load(folder.Path).Config with { Model = ExampleRun.Model };
        LoraTrainingResult continued = session.Train(
            saved, ExampleRun.Data, ExampleRun.Options with { AdapterPath = folder.Path }, new RecordingObserver(), CancellationToken.None);

        Assert.Equal(trained.After!.Loss, continued.Before!.Loss, 1e-4);
        Assert.True(trained.After.Loss < trained.Before!.Loss);
    }

    [Fact]
    public void The_model_is_loaded_once_for_several_configurations()
    {
        RecordingObserver observer = new();
        using TrainingSession session = new();
        session.Train(ExampleRun.Config, ExampleRun.Data, ExampleRun.Options, observer, CancellationToken.None);
        session.Train(ExampleRun.Config with { Rank = 2 }, ExampleRun.Data, ExampleRun.Options, observer, CancellationToken.None);

        Assert.Single(observer.Stages, stage => stage.StartsWith("Loading the weights", StringComparison.Ordinal));
    }

    [Fact]
    public void The_evaluation_before_the_first_step_is_the_base_model_s()
    {
        LoraTrainingResult trained = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { MaxStep = 30 });
        LoraTrainingResult other = ExampleRun.Train(ExampleRun.Config with { Rank = 1 }, ExampleRun.Options);

        Assert.Equal(other.Before, trained.Before);
        Assert.True(trained.After!.Loss < trained.Before!.Loss - 0.5, $"{trained.Before} -> {trained.After}");
        Assert.Equal(Math.Exp(trained.After.Loss), trained.After.Perplexity, 9);
    }

    [Fact]
    public void A_stopped_run_keeps_the_steps_done_and_leaves_a_loadable_adapter()
    {
        using TemporaryFolder folder = new();
        using CancellationTokenSource source = new();
        RecordingObserver observer = new(step => Stop(step, source));
        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { MaxStep = 50, OutputPath = folder.File("adapter") }, observer, source.Token);

        Assert.Equal(LoraStopReason.Cancelled, result.StopReason);
        Assert.Equal(3, result.History.Length);
        LoraTrainingResult threeSteps = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { MaxStep = 3 });
        Assert.Equal(ExampleRun.Values(threeSteps.Adapter!), ExampleRun.Values(AdapterFolder.Load(folder.File("adapter"))));

        static void Stop(LoraTrainingStep step, CancellationTokenSource source)
        {
            if (step.Step == 3)
            {
                source.Cancel();
            }
        }
    }

    [Fact]
    public void Three_steps_in_a_row_whose_loss_is_not_finite_stop_the_run_and_keep_the_last_good_adapter()
    {
        RecordingObserver observer = new();
        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { MaxStep = 20, LearningRate = 1e20 }, observer);

        Assert.Equal(LoraStopReason.NotFinite, result.StopReason);
        LoraException failure = Assert.Single(observer.Failures);
        Assert.Equal(LoraError.LossNotFinite, failure.Error);
        Assert.Contains($"step {result.History.Length + 1} ", failure.Message, StringComparison.Ordinal);
        Assert.Equal([true, true], result.History[^2..].Select(step => step.IsSkipped));
        Assert.Equal(2, observer.Warnings.Count(warning => warning.Contains("was skipped: its loss is NaN", StringComparison.Ordinal)));
        Assert.Contains("animal-notes.train.jsonl' line ", failure.Message, StringComparison.Ordinal);
        Assert.All(result.Adapter!.Tensors, tensor =>
            Assert.All(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(tensor.Bytes.Span).ToArray(), value => Assert.True(float.IsFinite(value))));
    }

    [Fact]
    public void An_adapter_that_cannot_be_written_is_reported_and_still_in_the_result()
    {
        using TemporaryFolder folder = new();
        RecordingObserver observer = new(step => Directory.CreateDirectory(folder.File("adapter/adapter_config.json"))); // a folder where the file would be
        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { OutputPath = folder.File("adapter") }, observer);

        Assert.Equal(LoraError.OutputFailed, Assert.Single(observer.Failures).Error);
        Assert.Equal([observer.Failures[0].Message], result.Failure);
        Assert.Null(result.AdapterPath);
        Assert.NotEmpty(result.Adapter!.Tensors);
    }

    [Fact]
    public void A_failure_that_comes_late_takes_no_adapter_from_a_program_without_an_observer()
    {
        using TrainingSession session = new();
        LoraTrainingResult result = session.Train(ExampleRun.Config, ExampleRun.Data, ExampleRun.Options with { MaxStep = 20, LearningRate = 1e20 });

        Assert.StartsWith("The loss of step ", Assert.Single(result.Failure), StringComparison.Ordinal);
        Assert.NotEmpty(result.Adapter!.Tensors);
    }

    [Fact]
    public void What_goes_wrong_unforeseen_after_the_steps_is_noted_and_takes_no_adapter()
    {
        bool done = false;
        RecordingObserver observer = new(step => done = step.Step == step.TotalStep, FailAtTheEnd);

        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options, observer);

        Assert.Equal(LoraError.Unexpected, Assert.Single(observer.Failures).Error);
        Assert.Contains("as a fault of the engine would", Assert.Single(result.Failure), StringComparison.Ordinal);
        Assert.Null(result.After);
        Assert.NotEmpty(result.Adapter!.Tensors);

        void FailAtTheEnd(string stage)
        {
            if (done && stage.StartsWith("Evaluating", StringComparison.Ordinal))
            {
                throw new InvalidOperationException("as a fault of the engine would");
            }
        }
    }

    [Fact]
    public void An_adapter_that_came_into_the_folder_meanwhile_is_kept_and_so_is_the_one_that_was_trained()
    {
        using TemporaryFolder folder = new();
        RecordingObserver observer = new(step =>
        {
            Directory.CreateDirectory(folder.File("adapter"));
            folder.Write("adapter/adapter_config.json", "another run's");
        });
        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { OutputPath = folder.File("adapter") }, observer);

        Assert.Equal(LoraError.OutputExists, Assert.Single(observer.Failures).Error);
        Assert.Equal("another run's", File.ReadAllText(folder.File("adapter/adapter_config.json")));
        Assert.NotEmpty(result.Adapter!.Tensors);
    }

    [Fact]
    public void A_run_that_is_stopped_while_it_looks_back_keeps_its_adapter()
    {
        using CancellationTokenSource source = new();
        bool done = false;
        RecordingObserver observer = new(step => done = step.Step == step.TotalStep, CancelAtTheEnd);

        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { Prompt = ["Tell"] }, observer, source.Token);

        Assert.Equal((LoraStopReason.Completed, null), (result.StopReason, result.After));
        Assert.NotEmpty(result.Adapter!.Tensors);

        void CancelAtTheEnd(string stage)
        {
            if (done && stage.StartsWith("Evaluating", StringComparison.Ordinal))
            {
                source.Cancel();
            }
        }
    }

    [Fact]
    public void A_model_whose_files_have_changed_is_loaded_again()
    {
        using TemporaryFolder folder = new();
        Array.ForEach(Directory.GetFiles(ExampleRun.Model), file => File.Copy(file, folder.File(Path.GetFileName(file))));
        LoraConfig config = ExampleRun.Config with { Model = folder.Path };
        RecordingObserver observer = new();
        using TrainingSession session = new();
        session.Train(config, ExampleRun.Data, ExampleRun.Options, observer, CancellationToken.None);
        using (FileStream weights = new(folder.File("model.safetensors"), FileMode.Open, FileAccess.ReadWrite))
        {
            weights.Seek(-1, SeekOrigin.End);
            weights.WriteByte(1);
        }

        session.Train(config, ExampleRun.Data, ExampleRun.Options, observer, CancellationToken.None);

        Assert.Equal(2, observer.Stages.Count(stage => stage.StartsWith("Loading the weights", StringComparison.Ordinal)));
    }

    [Fact]
    public void Prompts_are_continued_by_the_base_and_by_the_adapted_model()
    {
        LoraConfig config = ExampleRun.Config with { Rank = 8, Alpha = 16, TargetModule = null, TargetPattern = "all-linear" };
        TrainingOptions options = ExampleRun.Options with { MaxStep = 90, BatchSize = 4, Prompt = ["Tell me about the bear."] };
        RecordingObserver observer = new();
        LoraTrainingResult result = ExampleRun.Train(config, options, observer);

        LoraSample sample = Assert.Single(result.Sample);
        Assert.StartsWith(" Note: ", sample.Adapted, StringComparison.Ordinal);
        Assert.DoesNotContain("Note:", sample.Base, StringComparison.Ordinal);

        // By vector code, which says what the modules do.
        Assert.Equal(2, observer.Stages.Count(stage => stage == "Prompts are continued by vector code"));
        using LoraModel bare = LoraModel.Load(ExampleRun.Model), adapted = LoraModel.Load(ExampleRun.Model, result.Adapter);
        Assert.Equal((bare.Continue(sample.Prompt, options.PromptToken), adapted.Continue(sample.Prompt, options.PromptToken)), (sample.Base, sample.Adapted));
    }
}
