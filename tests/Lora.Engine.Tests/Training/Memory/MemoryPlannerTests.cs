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
}
