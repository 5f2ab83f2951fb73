using Lora.Checkpoints;
using Lora.Data;
using Lora.Kernels;
using Lora.Models;
using Lora.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>The hand-written step against autograd through the model's modules, with A and B drawn at random so that every gradient is there.</summary>
public class FusedStepTests
{
    /// <summary>One for each kind of block.</summary>
    public static TheoryData<string> Families { get; } =
    [
        "falcon", "gemma", "gemma2", "gemma3_text", "gpt2", "gpt_neo", "gpt_neox", "llama3", "llama_tied_headdim", "mistral", "olmo2", "opt", "phi", "phi3", "qwen2", "qwen3", "stablelm", "starcoder2",
    ];

    [Theory]
    [MemberData(nameof(Families))]
    public void In_float64_gradients_are_autograd_s(string family)
    {
        // The modules' norms and adapters pass through float32, and so do gradients on their way into the arena.
        AssertEqualGradients(family, ScalarType.Float64, FusedStepCase.Everything(family), tolerance: 1e-6);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void In_float32_gradients_are_autograd_s(string family) => AssertEqualGradients(family, ScalarType.Float32, FusedStepCase.Everything(family), tolerance: 1e-5);

    [Theory]
    [InlineData("llama3", ScalarType.BFloat16, 5e-2)]
    [InlineData("qwen3", ScalarType.BFloat16, 5e-2)]
    [InlineData("phi3", ScalarType.BFloat16, 5e-2)]
    [InlineData("gemma", ScalarType.BFloat16, 5e-2)]
    [InlineData("gemma2", ScalarType.BFloat16, 5e-2)]
    [InlineData("gemma3_text", ScalarType.BFloat16, 5e-2)]
    [InlineData("olmo2", ScalarType.BFloat16, 5e-2)]
    [InlineData("gpt2", ScalarType.BFloat16, 5e-2)]
    [InlineData("gpt_neox", ScalarType.BFloat16, 5e-2)]
    [InlineData("opt", ScalarType.BFloat16, 5e-2)]
    [InlineData("phi", ScalarType.BFloat16, 5e-2)]
    [InlineData("starcoder2", ScalarType.BFloat16, 5e-2)]
    [InlineData("stablelm", ScalarType.BFloat16, 5e-2)]
    [InlineData("falcon", ScalarType.BFloat16, 5e-2)]
    [InlineData("llama3", ScalarType.Float16, 5e-3)]
    [InlineData("mistral", ScalarType.Float16, 5e-3)]
    [InlineData("qwen2", ScalarType.Float16, 5e-3)]
    [InlineData("qwen3", ScalarType.Float16, 5e-3)]
    [InlineData("phi3", ScalarType.Float16, 5e-3)]
    [InlineData("gemma", ScalarType.Float16, 5e-3)]
    [InlineData("gemma2", ScalarType.Float16, 5e-3)]
    [InlineData("gemma3_text", ScalarType.Float16, 5e-3)]
    [InlineData("gpt2", ScalarType.Float16, 5e-3)]
    [InlineData("phi", ScalarType.Float16, 5e-3)]
    public void In_16_bits_gradients_are_close_to_autograd_s_in_float32(string family, ScalarType type, double tolerance)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase exact = new(family, ScalarType.Float32, FusedStepCase.Everything(family));
        using ReferenceStep reference = new(exact.Model);
        Tensor expected = exact.Gradients(reference);
        FusedStepCase rounded = new(family, type, FusedStepCase.Everything(family));
        using FusedStep step = rounded.Fused();
        using ReferenceStep graph = new(rounded.Model);
        double scale = type == ScalarType.Float16 ? 4096 : 1; // as loss scaling gives it; without it the smallest gradients are lost

        Assert.InRange(Closeness.Relative(rounded.Gradients(step, scale).Divide(scale), expected), 0, tolerance);
        Assert.InRange(Closeness.Relative(rounded.Gradients(graph, scale).Divide(scale), expected), 0, tolerance);
        Assert.Equal(exact.Loss(reference), rounded.Loss(step), tolerance);
        Assert.Equal(exact.Loss(reference), rounded.Loss(graph), tolerance);
    }

    /// <summary>Against float64 on the same rounded weights, so that what computing rounds is not lost in what the weights were rounded.</summary>
    [Theory]
    [MemberData(nameof(Families))]
    public void In_bfloat16_the_error_of_gradients_is_at_most_twice_autograd_s(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase exact = new(family, ScalarType.Float64, FusedStepCase.Everything(family));
        exact.RoundWeights(ScalarType.BFloat16);
        using ReferenceStep reference = new(exact.Model);
        Tensor expected = exact.Gradients(reference);
        FusedStepCase rounded = new(family, ScalarType.BFloat16, FusedStepCase.Everything(family));
        using ReferenceStep graph = new(rounded.Model);
        double most = Math.Min(5e-2, 2 * Closeness.Relative(rounded.Gradients(graph), expected));
        using FusedStep step = rounded.Fused();
        using FusedStep plain = rounded.Fused(new TorchKernels());

        Assert.InRange(Closeness.Relative(rounded.Gradients(step), expected), 1e-4, most);
        Assert.InRange(Closeness.Relative(rounded.Gradients(plain), expected), 1e-4, most);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(100)]
    [InlineData(1024)]
    public void The_loss_and_gradients_are_the_same_in_any_chunks(int chunk)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new("llama3", ScalarType.Float64, [.. FusedStepCase.Everything("llama3"), "lm_head"]);
        using ReferenceStep reference = new(run.Model);
        Tensor expected = run.Gradients(reference);
        using FusedStep step = run.Fused();

        step.LossChunk = chunk;

        Assert.InRange(run.Rows.Count, 201, 511); // more than two of the smaller chunks
        Assert.InRange(Closeness.Relative(run.Gradients(step), expected), 0, 1e-6);
        Assert.Equal(run.Loss(reference), run.Loss(step), 1e-6);
        Assert.Equal(run.Loss(step), step.SumLoss(run.Batch, run.Rows).Loss / run.Rows.Count, 1e-9);
        Assert.Equal(0, step.Overflow);
    }

    [Theory]
    [InlineData("llama3", "self_attn.q_proj")]
    [InlineData("llama3", "self_attn.k_proj,self_attn.v_proj")]
    [InlineData("llama3", "self_attn.o_proj")]
    [InlineData("llama3", "mlp.up_proj")]
    [InlineData("llama3", "mlp.down_proj")]
    [InlineData("llama3", "self_attn.v_proj,mlp.gate_proj")]
    [InlineData("phi3", "self_attn.qkv_proj")]
    [InlineData("phi3", "self_attn.o_proj,mlp.gate_up_proj")]
    [InlineData("gemma", "self_attn.v_proj,mlp.gate_proj")]
    [InlineData("gemma2", "mlp.down_proj")]
    [InlineData("gemma2", "self_attn.o_proj,mlp.gate_proj")]
    [InlineData("gemma3_text", "self_attn.q_proj,mlp.down_proj")]
    [InlineData("olmo2", "self_attn.k_proj,mlp.up_proj")]
    [InlineData("olmo2", "self_attn.o_proj")]
    [InlineData("gpt2", "attn.c_attn")]
    [InlineData("gpt2", "attn.c_proj,mlp.c_fc")]
    [InlineData("gpt2", "mlp.c_proj")]
    [InlineData("gpt_neox", "attention.query_key_value")]
    [InlineData("gpt_neox", "attention.dense")]
    [InlineData("gpt_neox", "mlp.dense_h_to_4h")]
    [InlineData("gpt_neox", "attention.dense,mlp.dense_4h_to_h")]
    [InlineData("phi", "self_attn.q_proj,self_attn.v_proj")]
    [InlineData("phi", "mlp.fc1")]
    [InlineData("phi", "mlp.fc2")]
    [InlineData("opt", "fc1,self_attn.k_proj")]
    public void Any_choice_of_modules_gives_autograd_s_gradients(string family, string roles)
    {
        string[] upper = FusedStepCase.InBlock(family, 1, roles.Split(','));
        AssertEqualGradients(family, ScalarType.Float32, [.. FusedStepCase.InBlock(family, 0, roles.Split(',')), .. upper], tolerance: 1e-5);
        AssertEqualGradients(family, ScalarType.Float32, upper, tolerance: 1e-5);
    }

    [Fact]
    public void The_head_is_adapted_alone_and_with_others()
    {
        AssertEqualGradients("llama3", ScalarType.Float32, ["lm_head"], tolerance: 1e-5);
        AssertEqualGradients("phi", ScalarType.Float32, ["lm_head"], tolerance: 1e-5); // with a bias
        AssertEqualGradients("llama3", ScalarType.Float32, ["lm_head", "model.layers.1.self_attn.o_proj"], tolerance: 1e-5);
    }

    [Theory]
    [InlineData("pissa")]
    [InlineData("olora")]
    public void An_adapter_whose_start_is_subtracted_has_autograd_s_gradients(string initialization)
    {
        LoraConfig config = new() { Initialization = initialization };

        // Two products that nearly cancel, in float32 on autograd's side: AdaptedProductTests hold the fused one to 1e-7.
        AssertEqualGradients("llama3", ScalarType.Float64, FusedStepCase.Everything("llama3"), tolerance: 5e-5, config);
        AssertEqualGradients("llama3", ScalarType.Float32, ["model.layers.1.self_attn.v_proj", "model.layers.1.mlp.up_proj"], tolerance: 5e-5, config);
    }

    [Theory]
    [InlineData(false, 2)]
    [InlineData(true, 2)]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    public void With_dropout_what_is_computed_again_drops_the_same_and_each_batch_drops_anew(bool byOperators, int blocks)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new("llama3", ScalarType.Float32, [.. FusedStepCase.Everything("llama3"), "lm_head"], config: new() { Dropout = 0.2 });
        using FusedStep step = run.Fused(byOperators ? new TorchKernels() : null);
        double whole = run.Loss(step);
        run.Adapter.IsTraining = true;
        TensorData before = run.Adapter.Randomness("random");
        Tensor expected = run.Gradients(step);
        Tensor next = run.Gradients(step);
        run.Adapter.RestoreRandomness(before);
        step.Recomputation = new(blocks, 2, 2);
        Tensor again = run.Gradients(step);
        run.Adapter.IsTraining = false;

        Assert.Equal(0, Closeness.Largest(again, expected));
        Assert.InRange(Closeness.Relative(next, expected), 1e-3, 1);
        Assert.Equal(whole, run.Loss(step));
    }

    [Fact]
    public void A_step_repeats_bit_for_bit()
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new("mistral", ScalarType.Float32, FusedStepCase.Everything("mistral"));
        using FusedStep step = run.Fused();

        Assert.Equal(0, Closeness.Largest(run.Gradients(step), run.Gradients(step)));
        Assert.Equal(run.Loss(step), run.Loss(step));
    }

    [Theory]
    [InlineData("qwen3", 0, 0, 1, false)]
    [InlineData("qwen3", 1, 1, 1, false)]
    [InlineData("qwen3", 0, 0, 2, false)]
    [InlineData("qwen3", 2, 2, 2, false)]
    [InlineData("gemma2", 0, 0, 2, false)]
    [InlineData("gemma2", 2, 2, 2, false)]
    [InlineData("gemma2", 0, 0, 2, true)]
    [InlineData("gemma2", 2, 2, 2, true)]
    [InlineData("gemma3_text", 2, 2, 2, false)]
    [InlineData("gemma3_text", 2, 2, 2, true)]
    [InlineData("olmo2", 2, 2, 2, true)]
    [InlineData("llama3", 0, 2, 2, false)]
    [InlineData("llama3", 0, 2, 2, true)]
    [InlineData("qwen3", 0, 2, 2, false)]
    [InlineData("qwen3", 0, 2, 2, true)]
    [InlineData("gemma2", 0, 2, 2, false)]
    [InlineData("gemma2", 0, 2, 2, true)]
    [InlineData("llama3", 1, 2, 2, false)]
    [InlineData("gemma3_text", 0, 2, 2, false)]
    [InlineData("gemma3_text", 0, 2, 2, true)]
    [InlineData("olmo2", 0, 2, 2, false)]
    [InlineData("olmo2", 0, 2, 2, true)]
    [InlineData("gpt2", 0, 2, 2, false)]
    [InlineData("gpt2", 0, 2, 2, true)]
    [InlineData("gpt2", 2, 2, 2, false)]
    [InlineData("gpt2", 2, 2, 2, true)]
    [InlineData("gpt_neox", 0, 2, 2, false)]
    [InlineData("gpt_neox", 0, 2, 2, true)]
    [InlineData("gpt_neox", 2, 2, 2, false)]
    [InlineData("gpt_neox", 2, 2, 2, true)]
    [InlineData("phi", 0, 2, 2, false)]
    [InlineData("phi", 0, 2, 2, true)]
    [InlineData("phi", 2, 2, 2, false)]
    [InlineData("phi", 2, 2, 2, true)]
    public void What_is_computed_again_changes_no_bit(string family, int blocks, int activations, int attentions, bool byOperators)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new(family, ScalarType.Float32, FusedStepCase.Everything(family));
        using FusedStep step = run.Fused(byOperators ? new TorchKernels() : null);
        Tensor expected = run.Gradients(step);
        double loss = run.Loss(step);

        step.Recomputation = new(blocks, activations, attentions);
        step.AttentionSlices = byOperators ? 2 : 1;

        Assert.Equal(0, Closeness.Largest(run.Gradients(step), expected));
        Assert.Equal(loss, run.Loss(step));
    }

    [Theory]
    [InlineData("llama3", false)]
    [InlineData("qwen3", true)]
    [InlineData("gemma", false)]
    [InlineData("gemma2", false)]
    [InlineData("gemma3_text", false)]
    [InlineData("olmo2", false)]
    public void Kept_hidden_states_give_the_gradients_that_computed_ones_give(string family, bool onDisk)
    {
        using DisposeScope scope = NewDisposeScope();
        using TemporaryFolder folder = new();
        FusedStepCase run = new(family, ScalarType.Float32, ["model.layers.1.self_attn.q_proj", "model.layers.1.mlp.down_proj"]);
        using FusedStep step = run.Fused();
        Tensor expected = run.Gradients(step);
        Batch part = Batch.Of([run.Examples[1], run.Examples[3]], padId: 0);
        using PrefixCache cache = new(step.Lowest, onDisk ? new FilePrefixStore(folder.Path) : new MemoryPrefixStore());

        step.Caches = [cache];
        step.AddGradients(part, SupervisedRows.Of(part), 1);
        int kept = cache.Count;
        Tensor partly = run.Gradients(step); // two documents are there, two are not
        Tensor wholly = run.Gradients(step);

        Assert.Equal((2, run.Examples.Length), (kept, cache.Count));
        Assert.InRange(Closeness.Relative(partly, expected), 0, 1e-5);
        Assert.Equal(0, Closeness.Largest(wholly, partly));
    }

    [Fact]
    public void Documents_do_not_see_each_other()
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new("llama3", ScalarType.Float32, FusedStepCase.Everything("llama3"));
        using FusedStep step = run.Fused();
        Tensor together = run.Gradients(step);
        run.Adapter.Arena.Gradients.zero_();
        foreach (TrainingExample example in run.Examples)
        {
            Batch alone = Batch.Of([example], padId: 0);
            step.AddGradients(alone, SupervisedRows.Of(alone), 1.0 / run.Rows.Count);
        }

        Assert.InRange(Closeness.Relative(run.Adapter.Arena.Gradients, together), 0, 1e-5);
    }

    [Fact]
    public void Joined_weights_leave_the_model_as_it_was()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        FusedStepCase run = new("qwen2", ScalarType.Float32, FusedStepCase.Everything("qwen2"));
        Tensor ids = tensor(run.Batch.InputIds, [run.Batch.Rows, run.Batch.Length], device: CPU);
        Tensor before = run.Model.call(ids);
        using FusedStep step = run.Fused();

        Assert.Equal(0, Closeness.Largest(run.Model.call(ids), before));
    }

    private static void AssertEqualGradients(string family, ScalarType type, string[] modules, double tolerance, LoraConfig? config = null)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new(family, type, modules, config: config);
        using ReferenceStep reference = new(run.Model);
        Tensor expected = run.Gradients(reference);
        using FusedStep step = run.Fused();
        using FusedStep plain = run.Fused(new TorchKernels());

        Assert.Equal(run.Loss(reference), run.Loss(step), tolerance);
        Assert.InRange(Closeness.Relative(run.Gradients(step), expected), 0, tolerance);
        Assert.InRange(Closeness.Relative(run.Gradients(plain), expected), 0, tolerance);
        Assert.Equal(run.Loss(reference), run.Loss(plain), tolerance);
        Assert.Equal(0, plain.Overflow);
    }
}
