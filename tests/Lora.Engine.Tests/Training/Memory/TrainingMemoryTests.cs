namespace Lora.Tests.Training;

/// <summary>What memory options do to a run: its results stay, its plan changes.</summary>
public class TrainingMemoryTests
{
    private static readonly LoraConfig Upper = ExampleRun.Config with { TargetModule = null, Module = ["model.layers.3.self_attn.q_proj", "model.layers.3.mlp.down_proj"] };

    [Fact]
    public void An_adapter_that_no_memory_holds_is_refused_before_torch_is_asked()
    {
        LoraException refused = Assert.Throws<LoraException>(() => ExampleRun.Train(ExampleRun.Config with { Rank = 2_000_000_000 }, ExampleRun.Options));

        // 4 layers of q_proj (128 + 128) and down_proj (352 + 128), 16 bytes a value.
        Assert.Equal(LoraError.MemoryInsufficient, refused.Error);
        Assert.Contains("needs 87738.04 GB", refused.Message, StringComparison.Ordinal);
        Assert.Contains("the adapter's 5888000000000 values alone", refused.Message, StringComparison.Ordinal);
        Assert.Contains("-Rank", refused.Problem.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_says_what_memory_it_planned()
    {
        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options);
        LoraMemoryPlan plan = result.MemoryPlan!;

        Assert.Equal(plan.Peak, plan.Weight + plan.Adapter + plan.Optimizer + plan.Activation + plan.Head + plan.PrefixCache + plan.Other);
        Assert.Equal(2 * sizeof(float) * result.TrainableParameter, plan.Optimizer);
        Assert.InRange(plan.Weight, new FileInfo(Path.Combine(ExampleRun.Model, "model.safetensors")).Length * 0.95, long.MaxValue);
        Assert.Equal((0, 0), (plan.RecomputedBlock, plan.RecomputedAttention));
        Assert.True(plan.Peak < plan.Limit);
    }

    [Fact]
    public void Checkpointing_changes_no_bit_of_the_adapter()
    {
        LoraTrainingResult kept = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { Checkpointing = LoraCheckpointing.None });
        LoraTrainingResult again = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { Checkpointing = LoraCheckpointing.Full });

        Assert.Equal(3, again.MemoryPlan!.RecomputedBlock);
        Assert.True(again.MemoryPlan.Activation < kept.MemoryPlan!.Activation);
        Assert.Equal(ExampleRun.Values(kept.Adapter!), ExampleRun.Values(again.Adapter!));
    }

    [Fact]
    public void A_limit_that_cannot_be_held_is_refused_before_the_first_step()
    {
        RecordingObserver observer = new();
        LoraException refused = Assert.Throws<LoraException>(() => ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { MemoryLimit = 1 << 20 }, observer));

        Assert.Equal(LoraError.MemoryInsufficient, refused.Error);
        Assert.Empty(observer.Steps);
    }

    [Fact]
    public void Autograd_warns_that_it_holds_no_limit()
    {
        RecordingObserver observer = new();
        LoraTrainingResult result = ExampleRun.Train(ExampleRun.Config with { ModulesToSave = ["norm"] }, ExampleRun.Options with { MemoryLimit = long.MaxValue }, observer);

        Assert.Null(result.MemoryPlan);
        Assert.Contains(observer.Warnings, warning => warning.Contains("memory limit", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(LoraPrefixCache.Memory)]
    [InlineData(LoraPrefixCache.Disk)]
    public void Kept_hidden_states_train_the_adapter_that_computed_ones_train(LoraPrefixCache place)
    {
        TrainingOptions options = ExampleRun.Options with { MaxStep = 6 };
        LoraTrainingResult computed = ExampleRun.Train(Upper, options with { PrefixCache = LoraPrefixCache.None });
        LoraTrainingResult kept = ExampleRun.Train(Upper, options with { PrefixCache = place });

        Assert.All(computed.History.Zip(kept.History), step => Assert.Equal(step.First.Loss, step.Second.Loss, 1e-5));
        Assert.Equal(place == LoraPrefixCache.Memory, kept.MemoryPlan!.PrefixCache > 0);
    }

    [Fact]
    public void Hidden_states_of_an_earlier_run_change_no_bit_of_the_next_one()
    {
        TrainingOptions options = ExampleRun.Options with { PrefixCache = LoraPrefixCache.Memory };
        using Lora.Training.TrainingSession session = new();
        session.Train(Upper, ExampleRun.Data, options with { Seed = 7, BatchSize = 3 }, new RecordingObserver(), CancellationToken.None);
        LoraTrainingResult after = session.Train(Upper, ExampleRun.Data, options, new RecordingObserver(), CancellationToken.None);
        LoraTrainingResult alone = ExampleRun.Train(Upper, options);

        Assert.Equal(ExampleRun.Values(alone.Adapter!), ExampleRun.Values(after.Adapter!));
    }
}
