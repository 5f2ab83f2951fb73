using Lora.Data;
using Lora.Text;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

/// <summary>Nothing is kept of the batch that is trained before the first step. No other test may draw of libtorch's own generator meanwhile.</summary>
[Collection(nameof(DevicePurityTests))]
public class MemoryRehearsalTests
{
    private static readonly Dictionary<string, (LoraConfig Config, TrainingOptions Options)> Runs = new()
    {
        ["fused"] = (ExampleRun.Config, ExampleRun.Options),
        ["dropout"] = (ExampleRun.Config with { Dropout = 0.3 }, ExampleRun.Options),
        ["magnitudes"] = (ExampleRun.Config with { UseDora = true, Dropout = 0.3 }, ExampleRun.Options),
        ["autograd"] = (ExampleRun.Config with { ModulesToSave = ["norm"], Dropout = 0.3 }, ExampleRun.Options),
        ["whole modules"] = (ExampleRun.Config with { ModulesToSave = ["lm_head"] }, ExampleRun.Options with { DataType = TrainingDataType.BFloat16 }),
        ["float16"] = (ExampleRun.Config, ExampleRun.Options with { DataType = TrainingDataType.Float16 }),
        ["orthogonal start"] = (ExampleRun.Config with { Initialization = "olora" }, ExampleRun.Options),
        ["kept hidden states"] = (ExampleRun.Config with { LayersToTransform = [3] }, ExampleRun.Options with { PrefixCache = LoraPrefixCache.Memory, MaxStep = 8 }),
    };

    public static TheoryData<string> Names => [.. Runs.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_adapter_has_the_same_bytes_and_every_step_the_same_figures(string name)
    {
        (LoraConfig config, TrainingOptions options) = Runs[name];
        using Tensor before = torch.random.get_rng_state();
        LoraTrainingResult with = ExampleRun.Train(config, options);
        using Tensor after = torch.random.get_rng_state();
        LoraTrainingResult without = ExampleRun.Train(config, options with { Rehearsal = false });

        Assert.Equal(ExampleRun.Values(without.Adapter!), ExampleRun.Values(with.Adapter!));
        Assert.Equal(Figures(without), Figures(with));
        Assert.Equal(without.After, with.After);
        Assert.Equal(before.bytes.ToArray(), after.bytes.ToArray()); // libtorch's own generator
    }

    [Fact]
    public void It_is_the_largest_batch_and_comes_before_the_first_evaluation_but_not_where_it_is_not_wanted()
    {
        RecordingObserver with = new(), without = new();
        ExampleRun.Train(ExampleRun.Config, ExampleRun.Options, with);
        ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { Rehearsal = false }, without);
        using Dataset dataset = Dataset.Load(ExampleRun.Data.Dataset, Tokenizer.Load(ExampleRun.Model), new());
        TrainingSteps steps = new(dataset, ExampleRun.Options, Batch.Padding);
        int longest = steps.After(0).Max(step => step.Batches.Max(entry => entry.Batch.Length));

        int rehearsed = with.Stages.IndexOf($"Rehearsing the largest batch, 2 rows of up to {longest} tokens");
        Assert.InRange(rehearsed, 0, with.Stages.IndexOf("Evaluating before the first step") - 1);
        Assert.DoesNotContain(without.Stages, stage => stage.StartsWith("Rehearsing", StringComparison.Ordinal));
    }

    private static IEnumerable<(double, double, double)> Figures(LoraTrainingResult result) =>
        result.History.Select(step => (step.Loss, step.GradientNorm, step.LossScale));
}
