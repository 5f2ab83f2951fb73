using Lora.Models;
using Lora.Tests.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Counts the process's tensors, so no other test may run beside it.</summary>
[Collection(nameof(DevicePurityTests))]
public class FusedStepMemoryTests
{
    [Theory]
    [InlineData("model.layers.0.self_attn.q_proj")]
    [InlineData("model.layers.1.mlp.down_proj")]
    public void A_step_leaves_no_tensor_behind(string module)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new("qwen3", ScalarType.Float32, [module]);
        using FusedStep step = run.Fused();
        step.Recomputation = Recomputation.Full(2);
        run.Loss(step);
        step.SumLoss(run.Batch, run.Rows);
        LiveTensors.Settle();
        long before = Tensor.TotalCount;
        run.Loss(step);
        step.SumLoss(run.Batch, run.Rows);

        Assert.Equal(before, Tensor.TotalCount);
    }
}
