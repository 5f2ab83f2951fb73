using Lora.Kernels;
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
    [InlineData("qwen3", "model.layers.0.self_attn.q_proj", false)]
    [InlineData("qwen3", "model.layers.1.mlp.down_proj", false)]
    [InlineData("gemma2", "model.layers.1.self_attn.v_proj", true)]
    [InlineData("gemma3_text", "model.layers.0.self_attn.q_proj", false)]
    [InlineData("gemma3_text", "model.layers.1.mlp.up_proj", true)]
    [InlineData("olmo2", "model.layers.0.self_attn.k_proj", true)]
    [InlineData("gpt2", "transformer.h.0.attn.c_attn", false)]
    [InlineData("gpt2", "transformer.h.1.mlp.c_fc", true)]
    [InlineData("gpt_neox", "gpt_neox.layers.0.attention.query_key_value", true)]
    [InlineData("phi", "model.layers.0.mlp.fc1", false)]
    public void A_step_leaves_no_tensor_behind(string family, string module, bool byOperators)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new(family, ScalarType.Float32, [module]);
        using FusedStep step = run.Fused(byOperators ? new TorchKernels() : null);
        step.Recomputation = Recomputation.Full(2);
        run.Loss(step);
        step.SumLoss(run.Batch, run.Rows);
        LiveTensors.Settle();
        long before = Tensor.TotalCount;
        run.Loss(step);
        step.SumLoss(run.Batch, run.Rows);

        Assert.Equal(before, Tensor.TotalCount);
    }

    [Theory]
    [InlineData(LoraQuantization.None, true, 0.0)]
    [InlineData(LoraQuantization.NF4, false, 0.0)]
    [InlineData(LoraQuantization.NF4, true, 0.2)]
    [InlineData(LoraQuantization.None, false, 0.2)]
    public void Nor_does_one_with_magnitudes(LoraQuantization quantization, bool byOperators, double dropout)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new("llama3", ScalarType.Float32, [.. FusedStepCase.Everything("llama3"), "lm_head"], quantization, new() { UseDora = true, Dropout = dropout });
        run.Adapter.IsTraining = true;
        using FusedStep step = run.Fused(byOperators ? new TorchKernels() : null);
        step.Recomputation = Recomputation.Full(2);
        run.Loss(step);

        Assert.Equal(0, LiveTensors.Growth(() => run.Loss(step)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nor_does_one_on_4_bits(bool isFused)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new("llama3", ScalarType.Float32, ["model.layers.0.self_attn.q_proj", "model.layers.0.mlp.gate_proj", "model.layers.1.self_attn.o_proj", "model.layers.1.mlp.down_proj"], LoraQuantization.NF4);
        using IStepEngine step = isFused ? run.Fused() : new ReferenceStep(run.Model);
        run.Loss(step);

        Assert.Equal(0, LiveTensors.Growth(() => run.Loss(step)));
    }
}
