using Lora.Adapters;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>Measuring without training, held to what the training itself measured.</summary>
public class MeasurementSessionTests
{
    private const int Decimals = 5;

    private static readonly Lazy<LoraTrainingResult> Trained = new(() => Train(ExampleRun.Config with { TargetModule = ["q_proj", "down_proj"] }));

    private static string Validation => ExampleRun.DataFile("validation");

    [Theory]
    [InlineData("true", false)]
    [InlineData("pissa", false)]
    [InlineData("true", true)]
    public void An_adapter_s_loss_and_the_base_s_are_those_that_its_training_took(string initialization, bool useDora)
    {
        LoraTrainingResult trained = Train(ExampleRun.Config with { Initialization = initialization, UseDora = useDora, ModulesToSave = ["norm"] });

        LoraMeasurement measured = Assert.Single(Measure([trained.Adapter!]).Measured);

        Assert.Equal(trained.After!.Loss, measured.Loss, Decimals);
        Assert.Equal(trained.Before!.Loss, measured.BaseLoss, Decimals);
        Assert.Equal((trained.Before.Accuracy, trained.After.Accuracy), (measured.BaseAccuracy, measured.Accuracy));
        Assert.Equal(trained.Before.SupervisedToken, measured.SupervisedToken);
        Assert.Equal(measured.Loss - measured.BaseLoss, measured.LossChange);
        Assert.Equal(9, measured.ModuleCount);
    }

    [Fact]
    public void A_module_that_is_left_out_counts_as_if_its_product_were_zero()
    {
        LoraAdapter adapter = Trained.Value.Adapter!;
        LoraAdapter zeroed = new()
        {
            Config = adapter.Config,
            Tensors = [.. adapter.Tensors.Select(tensor => tensor.Name.Contains("layers.1.", StringComparison.Ordinal) ? tensor with { Bytes = new byte[tensor.Bytes.Length] } : tensor)],
        };

        LoraMeasurement expected = Measure([zeroed]).Measured.Single();
        LoraMeasurement excluded = Measure([adapter], new() { Exclude = ["**.1.**"] }).Measured.Single();
        LoraMeasurement included = Measure([adapter], new() { Include = ["**.0.**", "**.2.**", "**.3.**"] }).Measured.Single();

        Assert.Equal(expected.Loss, excluded.Loss);
        Assert.Equal(expected.Loss, included.Loss);
        Assert.Equal(6, excluded.ModuleCount);
        Assert.Equal(0, Measure([adapter], new() { Exclude = ["*"] }).Measured.Single().LossChange);
    }

    [Fact]
    public void Each_block_is_measured_without_its_adaptation()
    {
        LoraAdapter adapter = Train(ExampleRun.Config with { ModulesToSave = ["lm_head"] }).Adapter!;
        LoraMeasurement whole = Measure([adapter]).Measured.Single();

        List<LoraMeasurement> parts = Measure([adapter], new() { EachLayer = true }).Measured;

        Assert.Equal([.. Enumerable.Range(0, 4).Select(layer => $"model.layers.{layer}"), "lm_head"], parts.Select(part => part.Without));
        Assert.Equal([0, 1, 2, 3, null], parts.Select(part => part.Layer));
        Assert.Equal([7, 7, 7, 7, 8], parts.Select(part => part.ModuleCount));
        Assert.All(parts, part => Assert.Equal(part.Loss - whole.Loss, part.LossRise!.Value, 12));
        Assert.Equal(Measure([adapter], new() { Exclude = ["**.2.**"] }).Measured.Single().Loss, parts[2].Loss);
        Assert.Contains(parts, part => part.LossRise > 0.01);
    }

    [Fact]
    public void Adapters_that_are_on_together_are_their_concatenation()
    {
        LoraAdapter first = Trained.Value.Adapter!;
        LoraAdapter second = Train(ExampleRun.Config with { TargetModule = ["q_proj"], Rank = 2 }, seed: 7).Adapter!;

        LoraMeasurement together = Measure([first, second]).Measured.Single();

        Assert.NotInRange(together.Loss - Measure([first]).Measured.Single().Loss, -1e-3, 1e-3);
        Assert.Equal(Measure([second, first]).Measured.Single().Loss, together.Loss, Decimals);
        Assert.Null(together.Adapter);
        Assert.Equal(8, together.ModuleCount);

        LoraAdapter concatenated = AdapterCombination.Combine([first, second], new() { Method = CombinationMethod.Cat });
        Assert.Equal(Measure([concatenated]).Measured.Single().Loss, together.Loss, Decimals);
    }

    [Fact]
    public void An_adapter_cut_in_two_by_modules_is_whole_again_together()
    {
        LoraAdapter whole = Trained.Value.Adapter!;
        LoraAdapter[] halves = [.. new[] { "q_proj", "down_proj" }.Select(role => new LoraAdapter
        {
            Config = whole.Config with { TargetModule = [role] },
            Tensors = [.. whole.Tensors.Where(tensor => tensor.Name.Contains(role, StringComparison.Ordinal))],
        })];

        Assert.Equal(Measure([whole]).Measured.Single().Loss, Measure(halves).Measured.Single().Loss);
    }

    [Fact]
    public void The_model_is_loaded_once_and_its_loss_and_continuations_are_taken_once()
    {
        MeasurementRecord record = new();
        using MeasurementSession session = new([Validation], new() { Prompt = ["Tell me about the bear."], PromptToken = 4 });
        session.Measure([Trained.Value.Adapter!], model: null, record, CancellationToken.None);
        session.Measure([Trained.Value.Adapter!], model: null, record, CancellationToken.None);

        Assert.Single(record.Stages, stage => stage.StartsWith("Loading the weights", StringComparison.Ordinal));
        Assert.Single(record.Stages, stage => stage == "Evaluating the base model");
        Assert.Equal(record.Measured[0].ToString(), record.Measured[1].ToString());
        Assert.Equal((record.Measured[0].Loss, record.Measured[0].BaseLoss), (record.Measured[1].Loss, record.Measured[1].BaseLoss));
        Assert.All(record.Measured, measured => Assert.NotEmpty(Assert.Single(measured.Sample).Base));
        Assert.Equal(Trained.Value.Adapter, record.Measured[0].Adapter);
        Assert.Equal(record.Batches.Last().Total, record.Batches.Last().Done);
        Assert.All(record.Batches, batch => Assert.InRange(batch.Done, 1, batch.Total));
    }

    [Fact]
    public void What_takes_the_losses_and_the_memory_that_was_planned_for_it_are_told()
    {
        string[] stages = [.. Measure([Trained.Value.Adapter!], new() { EachLayer = true }).Stages];
        List<string> whole = Measure([Train(ExampleRun.Config with { ModulesToSave = ["norm"] }).Adapter!]).Stages;

        Assert.Single(stages, stage => stage == "Losses are taken by the fused step");
        string[] plans = [.. stages.Where(stage => stage.StartsWith("Memory: ", StringComparison.Ordinal))];
        Assert.Equal(stages.Count(stage => stage.StartsWith("Evaluating ", StringComparison.Ordinal)), plans.Length);
        Assert.All(plans, plan => Assert.Matches(@"^Memory: \d+\.\d\d GB of \d+\.\d\d GB, the loss of up to 512 tokens at once$", plan));
        Assert.Single(whole, stage => stage.StartsWith("Losses are taken by autograd: ", StringComparison.Ordinal));
        Assert.Single(whole, stage => stage.StartsWith("Memory: ", StringComparison.Ordinal)); // the base model's
    }

    [Fact]
    public void Patterns_that_match_nothing_and_starts_that_were_not_converted_are_warned_of()
    {
        MeasurementRecord record = Measure([Trained.Value.Adapter!], new() { Include = ["q_proj", "v_proj"], Exclude = ["**.9.**"] });
        Assert.Equal(["'v_proj'", "'**.9.**'"], record.Warnings.Select(warning => warning.Split(' ')[0]));

        LoraAdapter unconverted = new() { Config = Trained.Value.Adapter!.Config with { Initialization = "olora" }, Tensors = Trained.Value.Adapter.Tensors };
        Assert.Contains("'olora'", Assert.Single(Measure([unconverted]).Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_that_does_not_fit_is_reported_and_the_next_one_is_measured()
    {
        LoraAdapter adapter = Trained.Value.Adapter!;
        LoraAdapter[] bad =
        [
            new() { Config = adapter.Config with { Rank = 2 }, Tensors = adapter.Tensors },
            new() { Config = adapter.Config, Tensors = [.. adapter.Tensors.Skip(2)] },
            new() { Config = adapter.Config with { Model = null }, Tensors = adapter.Tensors },
            new() { Config = adapter.Config with { TargetModule = null, TargetPattern = "nothing" }, Tensors = adapter.Tensors },
        ];
        MeasurementRecord record = new();
        using MeasurementSession session = new([Validation], new());
        foreach (LoraAdapter one in bad.Append(adapter))
        {
            session.Measure([one], model: null, record, CancellationToken.None);
        }

        Assert.Equal(
            [LoraError.AdapterWeightsInvalid, LoraError.AdapterWeightsInvalid, LoraError.ModelNotKnown, LoraError.NoTargets],
            record.Failures.Select(failure => failure.Error));
        Assert.Single(record.Measured);
    }

    [Fact]
    public void Adapters_that_train_the_same_module_whole_are_not_measured_together()
    {
        LoraAdapter adapter = Train(ExampleRun.Config with { ModulesToSave = ["norm"] }).Adapter!;

        Assert.Equal(LoraError.AdapterConflict, Assert.Single(Measure([adapter, adapter]).Failures).Error);
    }

    [Fact]
    public void Everything_wrong_with_the_options_is_found_before_any_work()
    {
        LoraException exception = Assert.Throws<LoraException>(() => new MeasurementSession(["none.jsonl"], new() { BatchSize = 0, MaxLength = 1, Include = ["a/b"] }));

        Assert.Equal(
            [LoraError.ConfigValueInvalid, LoraError.ConfigValueInvalid, LoraError.PathNotFound, LoraError.PatternInvalid],
            exception.Problems.Select(problem => problem.Error));
    }

    [Fact]
    public void Measuring_stops_at_the_next_batch()
    {
        using CancellationTokenSource source = new();
        MeasurementRecord record = new(source.Cancel);
        using MeasurementSession session = new([Validation], new());

        Assert.Throws<OperationCanceledException>(() => session.Measure([Trained.Value.Adapter!], model: null, record, source.Token));
        Assert.Single(record.Batches);
    }

    private static LoraTrainingResult Train(LoraConfig config, int seed = 42) =>
        ExampleRun.Train(config, ExampleRun.Options with { MaxStep = 12, LearningRate = 1e-2, Seed = seed });

    private static MeasurementRecord Measure(IReadOnlyList<LoraAdapter> adapters, MeasurementOptions? options = null)
    {
        MeasurementRecord record = new();
        using MeasurementSession session = new([Validation], options ?? new());
        session.Measure(adapters, ExampleRun.Model, record, CancellationToken.None);
        return record;
    }

    internal sealed class MeasurementRecord(Action? onBatch = null) : IMeasurementObserver
    {
        public List<string> Stages { get; } = [];

        public List<string> Warnings { get; } = [];

        public List<LoraException> Failures { get; } = [];

        public List<LoraMeasurement> Measured { get; } = [];

        public List<(int Done, int Total)> Batches { get; } = [];

        public void OnStage(string text) => Stages.Add(text);

        public void OnWarning(string text) => Warnings.Add(text);

        public void OnFailure(LoraException failure) => Failures.Add(failure);

        public void OnMeasured(LoraMeasurement done) => Measured.Add(done);

        public void Report(WorkProgress value)
        {
            if (value is { Unit: WorkUnit.Batch, Done: > 0 })
            {
                Batches.Add(((int)value.Done, (int)value.Total!));
                onBatch?.Invoke();
            }
        }
    }
}
