using Lora.Kernels;
using Lora.Models;
using Lora.Tools.Operators;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>The head of the fused step: what it tells of, and what an evaluation asks of it. Its loss and gradients are the whole step's.</summary>
public class FusedHeadTests
{
    /// <summary>Gemma 2's logits are capped, by a factor that the fused step puts before the head.</summary>
    [Theory]
    [InlineData("llama3")]
    [InlineData("gemma2")]
    public void The_head_s_inputs_that_are_told_of_are_those_of_the_model(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        FusedStepCase run = new(family, ScalarType.Float32, ["model.layers.0.self_attn.q_proj", "lm_head"]);
        using FusedStep step = run.Fused();
        List<Tensor> told = [];
        step.Watch((names, x) =>
        {
            if (names.Contains("lm_head"))
            {
                told.Add(x.clone().DetachFromDisposeScope());
            }
        });

        run.Loss(step);

        Assert.InRange(Closeness.Relative(cat([.. told]), run.Rows.Hidden(run.Model, run.Batch)), 0, 1e-5);
        told.ForEach(tensor => tensor.Dispose());
    }

    [Theory]
    [InlineData("llama3")]
    [InlineData("gemma2")] // whose logits are capped
    public void An_evaluation_takes_no_gradient_and_waits_once_however_many_chunks_there_are(string family)
    {
        Assert.SkipUnless(OperatorCounter.IsSupported, OperatorCounter.Reason ?? "");
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new(family, ScalarType.Float32, ["lm_head"]);
        using FusedStep step = run.Fused(new TorchKernels());
        step.LossChunk = 50;
        LossSum sum = default;

        string[] names = [.. OperatorCounter.During(() => sum = step.SumLoss(run.Batch, run.Rows)).Select(launched => launched.Name)];

        Assert.Equal((run.Rows.Count + 49) / 50, names.Count(name => name == "aten::_log_softmax"));
        Assert.Empty(names.Intersect(["aten::expm1_", "aten::exp_", "aten::scatter_", "aten::tanh_backward"])); // the gradient's
        Assert.DoesNotContain("aten::_local_scalar_dense", names); // numbers that are read by themselves
        Assert.Equal(run.Loss(step), sum.Loss / run.Rows.Count, 1e-9);
    }

    /// <summary>META cannot be read: what runs there whole waits for nothing.</summary>
    [Theory]
    [InlineData("llama3")]
    [InlineData("gemma2")]
    public void An_evaluation_is_queued_whole_and_launches_as_much_whatever_the_lengths(string family)
    {
        Assert.SkipUnless(OperatorCounter.IsSupported, OperatorCounter.Reason ?? "");
        using MetaStep step = new(family, 2);
        step.Evaluated(2048); // angles are kept of as many places as were seen
        int expected = step.Evaluated(512).Count;

        Assert.Equal(expected, step.Evaluated([.. Enumerable.Range(0, 32).Select(index => 4 + (index * 3))]).Count);
        Assert.Equal(expected, step.Evaluated(2048).Count);
    }
}
