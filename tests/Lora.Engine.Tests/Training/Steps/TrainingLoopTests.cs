using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using Lora.Native;
using Lora.Training;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

/// <summary>The loop alone, on two modules, with steps whose losses and gradients are made up.</summary>
public sealed class TrainingLoopTests : IDisposable
{
    private const double Good = 1;

    private readonly nn.Module<Tensor, Tensor> model = nn.Sequential(("one", nn.Linear(3, 3, device: CPU)), ("two", nn.Linear(3, 3, device: CPU)));
    private readonly AttachedAdapter adapter;
    private readonly AdamW optimizer;
    private readonly List<string> warnings = [];

    public TrainingLoopTests()
    {
        adapter = new(model, new LoraConfig { Dropout = 0.5 }, [new AdapterTarget("one", 2, 1), new AdapterTarget("two", 2, 1)], CPU, seed: 1);
        optimizer = new(adapter.Arena.Values, adapter.Arena.Gradients, weightDecay: 0);
    }

    public void Dispose()
    {
        optimizer.Dispose();
        adapter.Dispose();
        model.Dispose();
    }

    [Fact]
    public void A_step_whose_loss_is_not_finite_is_skipped_and_its_rows_are_named()
    {
        TrainingLoop loop = Loop(batch => batch.Examples[0].Line == 4 ? double.NaN : Good);
        List<float[]> values = [];

        loop.Run([Step(1, 1), Step(2, 3, 4), Step(3, 5)], Rate, step => values.Add(Values()), CancellationToken.None);
        IReadOnlyList<LoraTrainingStep> steps = loop.History;

        Assert.Equal([false, true, false], steps.Select(step => step.IsSkipped));
        Assert.Equal("its loss is NaN, of 'rows.jsonl' line 4", steps[1].SkipReason); // and not line 3, whose batch was well
        Assert.Equal("Step 2 was skipped: its loss is NaN, of 'rows.jsonl' line 4. The adapter is as it was before it.", Assert.Single(warnings, warning => warning.StartsWith("Step", StringComparison.Ordinal)));
        Assert.Equal(values[0], values[1]);
        Assert.NotEqual(values[1], values[2]);
        Assert.Equal(2, optimizer.Steps);
    }

    [Fact]
    public void What_is_left_of_a_step_is_done_while_the_next_one_is_computed()
    {
        List<string> events = [];
        TrainingLoop loop = Loop(batch =>
        {
            events.Add($"queued {batch.Examples[0].Line}");
            return Good;
        });

        loop.Run([Step(1, 1), Step(2, 2)], Rate, step => events.Add($"done {step.Step}"), CancellationToken.None, () => events.Add("meanwhile"));

        Assert.Equal(["queued 1", "meanwhile", "done 1", "queued 2", "meanwhile", "done 2"], events);
    }

    [Theory]
    [InlineData(true, "queued 1, read 1, queued 2, told 1, read 2, queued 3, told 2, read 3, told 3")]
    [InlineData(false, "queued 1, read 1, told 1, queued 2, read 2, told 2, queued 3, read 3, told 3")]
    public void Records_and_progress_of_a_step_come_after_the_next_is_queued_where_a_device_computes_meanwhile(bool isPutOff, string expected)
    {
        List<string> events = [];
        LateTelling telling = new(isPutOff);
        TrainingLoop loop = Loop(batch =>
        {
            events.Add($"queued {batch.Examples[0].Line}");
            return Good;
        });

        loop.Run([Step(1, 1), Step(2, 2), Step(3, 3)], Rate, OnStep, CancellationToken.None, telling.Tell);
        telling.Tell();

        Assert.Equal(expected, string.Join(", ", events));

        void OnStep(LoraTrainingStep step)
        {
            events.Add($"read {step.Step}");
            telling.Add(() => events.Add($"told {step.Step}"));
        }
    }

    [Fact]
    public void A_gradient_that_is_not_finite_may_have_come_of_any_row()
    {
        TrainingLoop loop = Loop(batch => Good, batch => batch.Examples[0].Line == 4 ? float.PositiveInfinity : 1);

        loop.Run([Step(1, 3, 4)], Rate, _ => { }, CancellationToken.None);

        Assert.Equal("its gradient norm is Infinity, of 'rows.jsonl' line 3, 4", loop.History.Single().SkipReason);
        Assert.Equal(0, optimizer.Steps);
        Assert.True(Values().All(float.IsFinite));
    }

    [Fact]
    public void Three_bad_steps_in_a_row_end_the_loop_and_a_good_one_between_them_does_not()
    {
        TrainingLoop loop = Loop(batch => batch.Examples[0].Line % 3 == 0 ? Good : double.NaN);
        Assert.Equal(LoraStopReason.Completed, loop.Run(Enumerable.Range(1, 7).Select(line => Step(line, line)), Rate, _ => { }, CancellationToken.None));

        LoraException failure = Assert.Throws<LoraException>(() =>
            Loop(batch => double.NaN).Run([Step(1, 1), Step(2, 2), Step(3, 3)], Rate, _ => { }, CancellationToken.None));

        Assert.Equal(LoraError.LossNotFinite, failure.Error);
        Assert.Contains("The loss of step 3 is NaN, and 3 steps in a row had no finite one; its rows are 'rows.jsonl' line 3.", failure.Message, StringComparison.Ordinal);
        Assert.False(adapter.IsTraining); // what is evaluated next is without dropout
    }

    [Fact]
    public void Bad_steps_go_on_being_counted_after_a_resume()
    {
        TrainingLoop loop = Loop(batch => double.NaN);
        loop.Counts = new(2, null);

        Assert.Throws<LoraException>(() => loop.Run([Step(3, 3)], Rate, _ => { }, CancellationToken.None));
    }

    [Fact]
    public void Updates_that_move_nothing_are_an_error_at_the_third()
    {
        TrainingLoop loop = Loop(batch => Good, batch => 0);

        LoraException failure = Assert.Throws<LoraException>(() =>
            loop.Run(Enumerable.Range(1, 9).Select(line => Step(line, line)), Rate, _ => { }, CancellationToken.None));

        Assert.Equal((LoraError.NothingLearned, 2), (failure.Error, loop.History.Count));
    }

    [Fact]
    public void Updates_without_a_rate_do_not_count_and_one_that_moves_ends_the_count()
    {
        Loop(batch => Good, batch => 0).Run(Enumerable.Range(1, 9).Select(line => Step(line, line)), new(0, TrainingSchedule.Constant, 0, 9), _ => { }, CancellationToken.None);

        TrainingLoop loop = Loop(batch => Good, batch => batch.Examples[0].Line < 3 ? 0 : 1);
        loop.Run(Enumerable.Range(1, 9).Select(line => Step(line, line)), Rate, _ => { }, CancellationToken.None);
        Assert.Equal(new LoopCounts(0, null), loop.Counts);
    }

    [Fact]
    public void Modules_that_no_gradient_reaches_are_one_warning()
    {
        TrainingLoop loop = Loop(batch => Good, batch => 1, parameter => parameter.Key.Contains(".one.", StringComparison.Ordinal));

        loop.Run(Enumerable.Range(1, 5).Select(line => Step(line, line)), Rate, _ => { }, CancellationToken.None);

        Assert.StartsWith("In 3 updates no gradient has reached B of 1 of 2 modules, which learn nothing as long as that is so: two.", Assert.Single(warnings), StringComparison.Ordinal);
    }

    private static LearningRate Rate { get; } = new(1e-3, TrainingSchedule.Constant, 0, 9);

    /// <summary>One row a batch.</summary>
    private static TrainingStepBatches Step(int number, params int[] lines) =>
        new(number, 1, lines.Select(line => Batch.Of([new TrainingExample([1, 2], [1, 2], line) { File = "rows.jsonl" }], padId: 0)));

    private TrainingLoop Loop(Func<Batch, double> loss, Func<Batch, float>? gradient = null, Func<TrainableParameter, bool>? isReached = null)
    {
        Made engine = new(adapter, loss, gradient ?? (_ => 1), isReached ?? (_ => true));
        return new(engine, adapter, optimizer, new TrainingOptions { MaxGradientNorm = 0 }, warn: warnings.Add);
    }

    private float[] Values() => [.. adapter.Arena.Values.data<float>()];

    /// <summary>Gives each value of a parameter that it reaches the same gradient.</summary>
    private sealed class Made(AttachedAdapter adapter, Func<Batch, double> loss, Func<Batch, float> gradient, Func<TrainableParameter, bool> isReached) : IStepEngine
    {
        public Tensor QueueGradients(Batch batch, SupervisedRows rows, double scale)
        {
            Assert.True(adapter.IsTraining);
            using IDisposable noGradient = no_grad();
            foreach (TrainableParameter parameter in adapter.Arena.Parameters.Where(isReached))
            {
                parameter.Gradient.Add(gradient(batch));
            }

            return tensor(loss(batch), dtype: ScalarType.Float64, device: CPU);
        }

        public LossSum SumLoss(Batch batch, SupervisedRows rows) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
