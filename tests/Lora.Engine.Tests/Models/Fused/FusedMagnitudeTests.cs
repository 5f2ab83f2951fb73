using Lora.Checkpoints;
using Lora.Kernels;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>The hand-written step with trained magnitudes (DoRA) against autograd through the model's modules, on both kernel sets.</summary>
public class FusedMagnitudeTests
{
    private static readonly LoraConfig Config = new() { UseDora = true };

    [Theory]
    [InlineData("llama3")]
    [InlineData("qwen2")] // with biases of q, k and v
    [InlineData("qwen3")]
    [InlineData("phi3")]
    [InlineData("gemma2")]
    [InlineData("olmo2")]
    [InlineData("gpt2")] // whose weights lie [in, out]
    [InlineData("gpt_neox")]
    [InlineData("phi")]
    public void In_float64_gradients_are_autograd_s(string family) => AssertEqualGradients(family, ScalarType.Float64, FusedStepCase.Everything(family), tolerance: 1e-6);

    [Theory]
    [InlineData("llama3", "")]
    [InlineData("qwen2", "")]
    [InlineData("gemma3_text", "")]
    [InlineData("llama3", "self_attn.q_proj,self_attn.v_proj")]
    [InlineData("qwen2", "self_attn.k_proj,mlp.up_proj")]
    [InlineData("llama3", "mlp.down_proj")]
    [InlineData("phi3", "self_attn.o_proj,mlp.gate_up_proj")]
    [InlineData("gemma2", "self_attn.o_proj,mlp.gate_proj,mlp.down_proj")]
    public void Any_choice_of_modules_gives_autograd_s_gradients(string family, string roles)
    {
        string[] chosen = roles.Split(',', StringSplitOptions.RemoveEmptyEntries);
        string[] upper = FusedStepCase.InBlock(family, 1, chosen);
        AssertEqualGradients(family, ScalarType.Float32, [.. FusedStepCase.InBlock(family, 0, chosen), .. upper], tolerance: 1e-5);
        AssertEqualGradients(family, ScalarType.Float32, upper, tolerance: 1e-5);
    }

    [Theory]
    [InlineData("llama3")]
    [InlineData("gemma2")] // whose logits are capped
    public void So_do_the_head_and_a_head_with_others_in_any_chunks(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new(family, ScalarType.Float32, ["lm_head", "model.layers.1.self_attn.o_proj"], config: Config);
        using ReferenceStep reference = new(run.Model);
        Tensor expected = run.Gradients(reference);
        using FusedStep step = run.Fused();

        step.LossChunk = 64;

        Assert.InRange(Closeness.Relative(run.Gradients(step), expected), 0, 1e-5);
        Assert.Equal(run.Loss(reference), run.Loss(step), 1e-5);
        Assert.Equal(0, step.Overflow);
        AssertEqualGradients(family, ScalarType.Float64, ["lm_head"], tolerance: 1e-6);
    }

    [Theory]
    [InlineData("pissa")]
    [InlineData("olora")]
    public void So_does_an_adapter_whose_start_is_subtracted(string initialization) =>
        // Two products that nearly cancel, in float32 on autograd's side.
        AssertEqualGradients("llama3", ScalarType.Float64, FusedStepCase.Everything("llama3"), tolerance: 5e-5, Config with { Initialization = initialization });

    [Theory]
    [InlineData(ScalarType.Float32, 1e-5)]
    [InlineData(ScalarType.BFloat16, 5e-2)]
    public void So_does_a_base_in_4_bits(ScalarType type, double tolerance) =>
        AssertEqualGradients("llama3", type, FusedStepCase.Everything("llama3"), tolerance, quantization: LoraQuantization.NF4);

    /// <summary>Against float64 on the same rounded weights.</summary>
    [Theory]
    [InlineData("llama3")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("phi3")]
    [InlineData("gemma2")]
    [InlineData("olmo2")]
    public void In_bfloat16_the_error_of_gradients_is_at_most_twice_autograd_s(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase exact = new(family, ScalarType.Float64, FusedStepCase.Everything(family), config: Config);
        exact.RoundWeights(ScalarType.BFloat16);
        using ReferenceStep reference = new(exact.Model);
        FusedStepCase rounded = new(family, ScalarType.BFloat16, FusedStepCase.Everything(family), config: Config);
        rounded.Adapter.Arena.Values.detach().copy_(exact.Adapter.Arena.Values);
        Tensor expected = exact.Gradients(reference);
        using ReferenceStep graph = new(rounded.Model);
        double most = Math.Min(5e-2, 2 * Closeness.Relative(rounded.Gradients(graph), expected));
        using FusedStep step = rounded.Fused();
        using FusedStep plain = rounded.Fused(new TorchKernels());

        Assert.InRange(Closeness.Relative(rounded.Gradients(step), expected), 1e-4, most);
        Assert.InRange(Closeness.Relative(rounded.Gradients(plain), expected), 1e-4, most);
    }

    /// <summary>Of a loss that is scaled as runs scale it.</summary>
    [Theory]
    [InlineData("llama3")]
    [InlineData("gemma2")]
    public void In_float16_gradients_are_those_of_float64_times_the_scale(string family)
    {
        const double scale = 65536;
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase exact = new(family, ScalarType.Float64, FusedStepCase.Everything(family), config: Config);
        exact.RoundWeights(ScalarType.Float16);
        using ReferenceStep reference = new(exact.Model);
        FusedStepCase rounded = new(family, ScalarType.Float16, FusedStepCase.Everything(family), config: Config);
        rounded.Adapter.Arena.Values.detach().copy_(exact.Adapter.Arena.Values);
        Tensor expected = exact.Gradients(reference).Times(scale);
        using FusedStep step = rounded.Fused();

        Assert.InRange(Closeness.Relative(rounded.Gradients(step, scale), expected), 1e-5, 1e-2);
        Assert.InRange(Closeness.Relative(Magnitudes(rounded), Magnitudes(exact, expected)), 1e-5, 1e-2);
    }

    [Theory]
    [InlineData("llama3", 0, 0, 2, false)]
    [InlineData("llama3", 0, 2, 2, true)]
    [InlineData("llama3", 2, 2, 2, false)]
    [InlineData("qwen2", 2, 2, 2, true)]
    [InlineData("qwen3", 0, 2, 2, false)]
    [InlineData("gemma2", 0, 2, 2, true)]
    [InlineData("gemma2", 2, 2, 2, false)]
    [InlineData("olmo2", 1, 2, 2, true)]
    [InlineData("gpt2", 0, 2, 2, false)]
    [InlineData("gpt_neox", 1, 2, 2, true)]
    public void What_is_computed_again_changes_no_bit_and_a_step_repeats(string family, int blocks, int activations, int attentions, bool byOperators)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new(family, ScalarType.Float32, FusedStepCase.Everything(family), config: Config);
        using FusedStep step = run.Fused(byOperators ? new TorchKernels() : null);
        Tensor expected = run.Gradients(step);
        double loss = run.Loss(step);
        Tensor repeated = run.Gradients(step);

        step.Recomputation = new(blocks, activations, attentions);

        Assert.Equal(0, Closeness.Largest(repeated, expected));
        Assert.Equal(0, Closeness.Largest(run.Gradients(step), expected));
        Assert.Equal(loss, run.Loss(step));
        Assert.Equal(loss, step.SumLoss(run.Batch, run.Rows).Loss / run.Rows.Count, 1e-6);
        Assert.Equal(0, step.Overflow);
    }

    /// <summary>Along magnitudes alone: the norms count as constants, so the loss has another slope along A and B. <see cref="ScaledProductTests"/> holds those to autograd.</summary>
    [Theory]
    [InlineData("llama3", false)]
    [InlineData("qwen2", true)]
    [InlineData("gemma2", true)]
    public void With_dropout_the_gradient_of_magnitudes_is_the_slope_of_the_loss_and_what_is_computed_again_drops_the_same(string family, bool byOperators)
    {
        const double change = 1e-2; // of the loss, from below to above
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new(family, ScalarType.Float32, [.. FusedStepCase.Everything(family), "lm_head"], config: Config with { Dropout = 0.2 });
        using FusedStep step = run.Fused(byOperators ? new TorchKernels() : null);
        run.Adapter.IsTraining = true;
        TensorData before = run.Adapter.Randomness("random");
        Tensor gradients = run.Gradients(step);
        foreach (Recomputation again in new Recomputation[] { new(2, 2, 2), new(0, 2, 2) })
        {
            step.Recomputation = again;
            run.Adapter.RestoreRandomness(before);
            Assert.Equal(0, Closeness.Largest(run.Gradients(step), gradients));
        }

        using IDisposable noGradient = no_grad();
        Tensor along = Magnitudes(run, gradients);
        double norm = along.norm().ToDouble();
        Tensor way = cat([zeros_like(gradients.narrow(0, 0, gradients.shape[0] - along.shape[0])), along.Times(change / (norm * norm))]); // along which the loss changes by that much
        run.Adapter.Arena.Values.Add(way, 0.5);
        double above = Loss();
        run.Adapter.Arena.Values.Add(way, -1);
        double below = Loss();

        Assert.Equal(1, (above - below) / change, 1e-2);
        Assert.Equal(0, step.Overflow);

        double Loss()
        {
            run.Adapter.RestoreRandomness(before);
            return run.Loss(step);
        }
    }

    private static void AssertEqualGradients(
        string family, ScalarType type, string[] modules, double tolerance, LoraConfig? config = null, LoraQuantization quantization = LoraQuantization.None)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new(family, type, modules, quantization, config ?? Config);
        using ReferenceStep reference = new(run.Model);
        Tensor expected = run.Gradients(reference);
        using FusedStep step = run.Fused();
        using FusedStep plain = run.Fused(new TorchKernels());

        Assert.Equal(1, run.Loss(step) / run.Loss(reference), tolerance);
        Assert.InRange(Closeness.Relative(run.Gradients(step), expected), 0, tolerance);
        Assert.InRange(Closeness.Relative(run.Gradients(plain), expected), 0, tolerance);
        Assert.InRange(Closeness.Relative(Magnitudes(run), Magnitudes(run, expected)), 0, tolerance);
        Assert.Equal(1, run.Loss(plain) / run.Loss(reference), tolerance);
        Assert.Equal(0, step.Overflow + plain.Overflow);
    }

    /// <summary>Their gradients alone, which are last among all.</summary>
    private static Tensor Magnitudes(FusedStepCase run, Tensor? gradients = null)
    {
        long count = run.Adapter.Arena.Parameters.Where(parameter => Lora.Adapters.PeftKey.IsMagnitude(parameter.Key)).Sum(parameter => parameter.Count);
        gradients ??= run.Adapter.Arena.Gradients;
        return gradients.narrow(0, gradients.shape[0] - count, count);
    }
}
