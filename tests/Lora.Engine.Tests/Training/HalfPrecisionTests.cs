using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using Lora.Training;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

/// <summary>Runs in float16: their losses are float32's, an overflow is skipped, what is not float16's fault stops the run.</summary>
public class HalfPrecisionTests
{
    private static readonly TrainingOptions Options = ExampleRun.Options with { DataType = TrainingDataType.Float16, MaxStep = 6 };

    [Theory]
    [InlineData(LoraQuantization.None, false)]
    [InlineData(LoraQuantization.NF4, false)]
    [InlineData(LoraQuantization.None, true)]
    public void A_run_learns_as_in_float32(LoraQuantization quantization, bool useDora)
    {
        TrainingOptions options = Options with { Quantization = quantization };
        LoraConfig config = ExampleRun.Config with { UseDora = useDora };
        LoraTrainingResult half = ExampleRun.Train(config, options);
        LoraTrainingResult single = ExampleRun.Train(config, options with { DataType = TrainingDataType.Float32 });

        Assert.Equal(single.History.Select(step => step.Loss), half.History.Select(step => step.Loss), Closeness.To(decimals: 2));
        Assert.Equal(single.After!.Loss, half.After!.Loss, 1e-2);
        Assert.All(half.History, step => Assert.Equal((65536, false), (step.LossScale, step.IsSkipped)));
        Assert.All(single.History, step => Assert.Equal(1, step.LossScale));
        Assert.Equal(single.History.Select(step => step.GradientNorm), half.History.Select(step => step.GradientNorm), Within(share: 0.05));
        Assert.All(half.Adapter!.Tensors, tensor => Assert.Equal("F32", tensor.DataType.ToString()));
    }

    [Fact]
    public void By_autograd_it_learns_the_same()
    {
        LoraConfig config = ExampleRun.Config with { ModulesToSave = ["norm"] };
        LoraTrainingResult half = ExampleRun.Train(config, Options with { MaxStep = 3 });
        LoraTrainingResult single = ExampleRun.Train(config, Options with { MaxStep = 3, DataType = TrainingDataType.Float32 });

        Assert.Equal(single.History.Select(step => step.Loss), half.History.Select(step => step.Loss), Closeness.To(decimals: 2));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.1)]
    public void Steps_whose_gradients_overflow_change_nothing_and_halve_the_scale_until_they_fit(double dropout)
    {
        using Run run = new(new() { Rank = 2, Dropout = dropout });
        run.Scaling.Restore(new(MathF.Pow(2, 30), 5));
        using Tensor before = run.Adapter.Arena.Values.clone();
        List<bool> isChanged = [];

        run.Train(steps: 20, _ => isChanged.Add(Closeness.Largest(run.Adapter.Arena.Values, before) > 0));

        int skipped = run.History.Count(step => step.IsSkipped);
        Assert.InRange(skipped, 1, 18);
        Assert.Equal(Enumerable.Range(0, 20).Select(step => step < skipped), run.History.Select(step => step.IsSkipped));
        Assert.Equal(Enumerable.Range(0, 20).Select(step => step >= skipped), isChanged);
        Assert.Equal(run.History.Select((_, step) => Math.Pow(2, 30 - Math.Min(step, skipped))), run.History.Select(step => step.LossScale));
        Assert.Equal(20 - skipped, run.Optimizer.Steps);
        Assert.All(run.History, step => Assert.True(double.IsFinite(step.Loss) && double.IsFinite(step.GradientNorm) == !step.IsSkipped));
        Assert.Equal(Enumerable.Range(1, 20), run.History.Select(step => step.Step));
        Assert.True(run.History[^1].Loss < run.History[0].Loss);
    }

    [Fact]
    public void Gradients_that_overflow_without_a_scale_stop_the_run()
    {
        using Run run = new(new() { Rank = 2 }, steepness: 1e12);
        run.Scaling.Restore(new(4, 0));

        LoraException stopped = Assert.Throws<LoraException>(() => run.Train(steps: 20));

        Assert.Equal(LoraError.LossNotFinite, stopped.Error);
        Assert.Contains("gradient norm of step 5", stopped.Message, StringComparison.Ordinal); // scales of 4, 2, and three times 1
        Assert.Equal([true, true, true, true], run.History.Select(step => step.IsSkipped));
        Assert.Equal([true, true, false, false], run.History.Select(step => step.SkipReason is null)); // the range of float16, then the gradients' own
    }

    [Fact]
    public void A_loss_that_is_not_finite_is_no_matter_of_scale()
    {
        using Run run = new(new() { Rank = 2 });
        using (no_grad())
        {
            run.Adapter.Arena.Values.copy_(tensor(float.NaN));
        }

        LoraException stopped = Assert.Throws<LoraException>(() => run.Train(steps: 5));

        Assert.Equal(LoraError.LossNotFinite, stopped.Error);
        Assert.Contains("loss of step 3", stopped.Message, StringComparison.Ordinal);
        Assert.Equal(65536, run.Scaling.Scale.Factor);
        Assert.False(run.Adapter.IsTraining); // what is evaluated next is without dropout
    }

    [Fact]
    public void A_stopped_run_goes_on_with_its_scale_bit_for_bit()
    {
        using TemporaryFolder folder = new();
        using Run whole = new(new() { Rank = 2, Dropout = 0.1 });
        whole.Scaling.Restore(new(MathF.Pow(2, 30), 5));
        TrainingLoop none = new(null!, whole.Adapter, whole.Optimizer, new());
        TrainingStateKeeper keeper = new(folder.Path, new() { SaveStep = 16 }, none, null, whole.Adapter, whole.Optimizer, whole.Scaling, 0, Nothing(whole.Adapter), new Dictionary<string, string>());
        whole.Train(steps: 20, step => keeper.OnStep(step.Step, keeper.IsDue(step.Step)));
        TrainingState state = TrainingStateFile.Read(folder.Path)!;

        using Run resumed = new(new() { Rank = 2, Dropout = 0.1 });
        state.Restore(resumed.Adapter, resumed.Optimizer, resumed.Scaling, 20, folder.Path);
        Assert.Equal((16, whole.History[16].LossScale), (state.Step, resumed.Scaling.Scale.Factor));
        Assert.InRange(state.Updates, 1, 15); // some were skipped
        resumed.Train(steps: 20, first: state.Step + 1);

        Assert.Equal(whole.History.Skip(16).Select(step => step.Loss), resumed.History.Select(step => step.Loss));
        Assert.Equal(0, Closeness.Largest(resumed.Adapter.Arena.Values, whole.Adapter.Arena.Values));
        Assert.Equal(whole.Scaling.Scale, resumed.Scaling.Scale);
    }

    private static RunEvaluations Nothing(AttachedAdapter adapter) => new(null!, new(), adapter, [], 0, null);

    private static EqualityComparer<double> Within(double share) =>
        EqualityComparer<double>.Create((one, other) => Math.Abs(one - other) <= share * Math.Abs(one));

    /// <summary>Steps on one row, on a small model in float16.</summary>
    private sealed class Run : IDisposable
    {
        private readonly CausalLanguageModel model = ModelLoader.Load(Repository.Fixture("families", "llama3"), CPU, ScalarType.Float16);
        private readonly IStepEngine engine;

        public Run(LoraConfig config, double steepness = 1)
        {
            Adapter = new(model, config, [.. new[] { "model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj" }.Select(name => new AdapterTarget(name, 2, 1))], CPU, seed: 1);
            IStepEngine chosen = StepEngines.Choose(model, Adapter.Layers).Engine;
            engine = steepness == 1 ? chosen : new SteepStep(chosen, steepness);
            Optimizer = new(Adapter.Arena.Values, Adapter.Arena.Gradients, weightDecay: 0);
        }

        public AttachedAdapter Adapter { get; }

        public AdamW Optimizer { get; }

        public LossScaling Scaling { get; } = new();

        public List<LoraTrainingStep> History { get; } = [];

        public void Train(int steps, Action<LoraTrainingStep>? onStep = null, int first = 1)
        {
            TrainingExample example = new([.. Enumerable.Range(3, 12)], [.. Enumerable.Range(3, 12)], 1);
            TrainingLoop loop = new(engine, Adapter, Optimizer, new(), Scaling);
            IEnumerable<TrainingStepBatches> batches = Enumerable.Range(first, steps - first + 1).Select(step => new TrainingStepBatches(step, 0, [Batch.Of([example], 0)]));
            loop.Run(batches, new(1e-2, TrainingSchedule.Constant, 0, steps), OnStep, CancellationToken.None);

            void OnStep(LoraTrainingStep step)
            {
                History.Add(step);
                onStep?.Invoke(step);
            }
        }

        public void Dispose()
        {
            engine.Dispose();
            Optimizer.Dispose();
            Adapter.Dispose();
            model.Dispose();
        }
    }

    /// <summary>A step whose gradients are those of a far steeper loss.</summary>
    private sealed class SteepStep(IStepEngine inner, double steepness) : IStepEngine
    {
        public Tensor QueueGradients(Batch batch, SupervisedRows rows, double scale) => inner.QueueGradients(batch, rows, scale * steepness);

        public LossSum SumLoss(Batch batch, SupervisedRows rows) => inner.SumLoss(batch, rows);

        public void Dispose() => inner.Dispose();
    }
}
