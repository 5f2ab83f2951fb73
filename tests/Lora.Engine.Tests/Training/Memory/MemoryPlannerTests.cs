using Lora.Models;
using Lora.Tests.Models;
using Lora.Tools.Operators;

namespace Lora.Tests.Training;

/// <summary>Plans of a device, of a batch whose logits are most of the memory: 8,191 places of 32,000, of which all at once take 0.46 GB more than 512.</summary>
public class MemoryPlannerTests
{
    private const long Gigabyte = 1L << 30;
    private const int Tokens = 8192;

    public MemoryPlannerTests() => Assert.SkipUnless(OperatorCounter.IsSupported, OperatorCounter.Reason ?? "");

    [Fact]
    public void The_loss_is_taken_at_once_where_there_is_room_and_in_chunks_before_anything_is_computed_again()
    {
        using MetaStep step = new("llama3", 16, values: ("vocab_size", "32000")) { IsLearned = _ => true };
        LoraMemoryPlan rich = step.Plan(100 * Gigabyte, Tokens);
        LoraMemoryPlan tight = step.Plan(rich.Peak - (long)(0.2 * Gigabyte), Tokens);
        LoraMemoryPlan poor = step.Plan(rich.Peak - (long)(0.44 * Gigabyte), Tokens);

        Assert.Equal(Tokens, rich.LossChunk);
        Assert.InRange(tight.LossChunk, 513, Tokens - 1);
        Assert.Equal(512, poor.LossChunk);
        Assert.All([rich, tight, poor], plan => Assert.Equal((0, 0), (plan.RecomputedBlock, plan.RecomputedAttention)));
        Assert.True(tight.KeepsFreedMemory || !Lora.Native.AllocatorTuning.CanKeep);
        Assert.InRange(rich.Head - poor.Head, (Tokens - 520L) * 32_000 * 2, Tokens * 32_200L * 2); // logits in bfloat16
        Assert.EndsWith($"the loss of up to {tight.LossChunk} tokens at once", tight.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Chunks are for memory that is short, and nothing says that it is; the rehearsal shows in the first seconds where it is.</summary>
    [Fact]
    public void The_loss_is_taken_at_once_of_a_device_that_does_not_say_what_it_has_and_the_plan_says_so()
    {
        using MetaStep step = new("llama3", 2, values: ("vocab_size", "32000")) { IsLearned = _ => true };
        LoraMemoryPlan plan = step.Plan(limit: null, Tokens);

        Assert.Equal((Tokens, 0, 0, 1), (plan.LossChunk, plan.RecomputedBlock, plan.RecomputedAttention, plan.AttentionSlice));
        Assert.EndsWith(" GB of what the device has, which it does not say, the loss of up to 8192 tokens at once", plan.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Norms_and_activations_are_computed_again_where_that_is_enough_and_blocks_where_it_is_not()
    {
        using MetaStep step = new("llama3", 16);
        LoraMemoryPlan rich = step.Plan(100 * Gigabyte, Tokens);
        LoraMemoryPlan tight = step.Plan(rich.Peak - (Gigabyte / 64), Tokens);
        LoraMemoryPlan poor = step.Plan(rich.Peak - (Gigabyte / 10), Tokens);

        Assert.Equal((0, 0), (rich.RecomputedBlock, rich.RecomputedActivation));
        Assert.Equal(0, tight.RecomputedBlock);
        Assert.InRange(tight.RecomputedActivation, 1, 14);
        Assert.InRange(poor.RecomputedBlock, 1, 14);
        Assert.Equal(15, poor.RecomputedActivation);
        Assert.All([tight, poor], plan => Assert.True(plan.Peak <= plan.Limit, $"{plan}"));
        Assert.Contains($", computed again: attention of 15 blocks, norms and activations of {tight.RecomputedActivation} blocks, the loss", tight.ToString(), StringComparison.Ordinal);
        Assert.Contains($" blocks, all of {poor.RecomputedBlock} blocks, the loss", poor.ToString(), StringComparison.Ordinal);
    }

    /// <summary>A question of 4,000 tokens with choices of 1,000: capped scores of 8 heads are 80 MB in bfloat16, half of it in two slices.</summary>
    [Fact]
    public void Choices_with_capped_scores_are_taken_in_slices_where_memory_asks_for_it()
    {
        using MetaStep step = new("gemma2", 4, values: [("num_attention_heads", "8"), ("num_key_value_heads", "4"), ("sliding_window", "1024")]);
        StepShape question = new([1000], 1000) { Before = 4000 };
        LoraMemoryPlan rich = step.PlanEvaluations(100 * Gigabyte, question);
        LoraMemoryPlan tight = step.PlanEvaluations(rich.Peak - (30 << 20), question);

        Assert.Equal((1, 0, 0L, 0L), (rich.AttentionSlice, rich.RecomputedAttention, rich.Adapter, rich.Optimizer));
        Assert.Equal((2, 0), (tight.AttentionSlice, tight.RecomputedAttention));
        Assert.True(tight.Peak <= tight.Limit, $"{tight}");
        Assert.Equal((0, 5000L), (step.Overflow, tight.Token));
    }

    [Fact]
    public void An_evaluation_alone_takes_less_than_a_step_and_its_loss_at_once_where_there_is_room()
    {
        using MetaStep step = new("llama3", 16, values: ("vocab_size", "32000")) { IsLearned = _ => true };
        StepShape batch = new([Tokens], Tokens);
        LoraMemoryPlan rich = step.PlanEvaluations(100 * Gigabyte, batch);
        LoraMemoryPlan poor = step.PlanEvaluations(rich.Peak - (long)(0.44 * Gigabyte), batch);

        Assert.Equal((Tokens, 512), (rich.LossChunk, poor.LossChunk));
        Assert.Equal(Tokens, step.PlanEvaluations(limit: null, batch).LossChunk);
        Assert.InRange(rich.Activation, 0, step.Plan(100 * Gigabyte, Tokens).Activation / 2); // of 16 blocks it keeps nothing
        Assert.All([rich, poor], plan => Assert.Equal(plan.Peak, plan.Weight + plan.Activation + plan.Head + plan.Other));
    }

    /// <summary>Rows that are only evaluated may be longer than those that are learned.</summary>
    [Fact]
    public void A_training_s_plan_has_room_for_its_evaluations()
    {
        using MetaStep step = new("llama3", 2);
        long alone = step.Plan(100 * Gigabyte, 512).Peak;

        Assert.Equal(alone, step.Plan(100 * Gigabyte, [new([512], 32), new([100, 90], 12)], 512).Peak);
        Assert.True(step.Plan(100 * Gigabyte, [new([8192], 512)], 512).Peak > alone);
        Assert.True(step.Plan(100 * Gigabyte, [new([100], 99) { Before = 8000 }], 512).Peak > alone);
    }

    /// <summary>Of a limit that was guessed: the run goes on, and is warned of.</summary>
    [Fact]
    public void Nothing_is_computed_again_for_an_evaluation_that_takes_more_than_there_is_by_itself()
    {
        using MetaStep step = new("llama3", 16) { IsLimitGuessed = true };
        long room = step.Plan(100 * Gigabyte, 32).Peak;
        LoraMemoryPlan plan = step.Plan(room, [new([32_768], 8)], 32);

        Assert.True(plan.Peak > plan.Limit, $"{plan}");
        Assert.Equal((0, 0, 0), (plan.RecomputedBlock, plan.RecomputedActivation, plan.RecomputedAttention));
    }

    [Fact]
    public void What_does_not_fit_is_named_a_batch_or_an_evaluation_with_what_helps()
    {
        using MetaStep step = new("llama3", 2);
        long room = step.Plan(100 * Gigabyte, 512).Peak;

        Assert.Contains("; its largest batch has 4096 tokens.", Refused([new([600], 20)], 4096), StringComparison.Ordinal);
        Assert.Contains("; its largest evaluation has 16384 tokens in 2 rows.", Refused([new([8192, 8192], 512)], 512), StringComparison.Ordinal);
        Assert.Contains("; its largest evaluation has 8100 tokens in one row, which a lower -MaxLength makes shorter and a lower -BatchSize does not.", Refused([new([100], 99) { Before = 8000 }], 512), StringComparison.Ordinal);

        string Refused(StepShape[] evaluated, int learned)
        {
            LoraException refused = Assert.Throws<LoraException>(() => step.Plan(room, evaluated, learned));
            Assert.Equal(LoraError.MemoryInsufficient, refused.Error);
            return refused.Message;
        }
    }

    /// <summary>Capped scores of 4,096 tokens and 8 heads: 268 MB in bfloat16 in each of a pass's tensors, half of it in two slices.</summary>
    [Fact]
    public void Attention_by_plain_products_is_taken_in_slices_where_memory_asks_for_it_and_before_anything_is_computed_again()
    {
        using MetaStep step = new("gemma2", 4, values: [("num_attention_heads", "8"), ("num_key_value_heads", "4"), ("sliding_window", "1024")]);
        LoraMemoryPlan rich = step.Plan(100 * Gigabyte, 4096);
        int whole = step.Launched(4096).Count;
        LoraMemoryPlan tight = step.Plan(rich.Peak - (long)(0.2 * Gigabyte), 4096);
        int sliced = step.Launched(4096).Count;
        LoraMemoryPlan poor = step.Plan(rich.Peak - (long)(1.5 * Gigabyte), 4096);

        Assert.Equal((1, 0), (rich.AttentionSlice, rich.RecomputedAttention));
        Assert.Equal((2, 0), (tight.AttentionSlice, tight.RecomputedAttention));
        Assert.Equal(whole + (4 * 12), sliced); // 5 operators of each block's forward pass and 6 of its backward pass once more, and one product of two takes both
        Assert.InRange(poor.RecomputedAttention, 1, 3);
        Assert.All([tight, poor], plan => Assert.True(plan.Peak <= plan.Limit, $"{plan}"));
        Assert.Contains("attention in 2 slices", tight.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("slices", rich.ToString(), StringComparison.Ordinal);
    }
}
