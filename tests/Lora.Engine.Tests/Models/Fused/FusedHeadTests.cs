using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>The head of the fused step: what it tells of. Its loss and gradients are the whole step's.</summary>
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
}
