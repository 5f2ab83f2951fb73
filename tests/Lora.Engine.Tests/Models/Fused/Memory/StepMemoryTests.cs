using Lora.Data;
using Lora.Kernels;
using Lora.Models;
using Lora.Native;
using Lora.Tests.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>The planned bytes against those of the tensors that a block really keeps; bench `plan` holds whole steps against the process's memory.</summary>
public class StepMemoryTests
{
    [Theory]
    [InlineData("llama3", "")]
    [InlineData("mistral", "")]
    [InlineData("qwen3", "")]
    [InlineData("llama3", "self_attn.q_proj")]
    [InlineData("qwen3", "self_attn.o_proj,mlp.up_proj")]
    [InlineData("qwen2", "mlp.down_proj")]
    [InlineData("phi3", "")]
    [InlineData("phi3", "self_attn.qkv_proj")]
    [InlineData("gemma", "")]
    [InlineData("gemma", "mlp.gate_proj")]
    [InlineData("gemma2", "")]
    [InlineData("gemma2", "self_attn.v_proj")]
    [InlineData("gemma3_text", "")]
    [InlineData("gemma3_text", "mlp.up_proj")]
    [InlineData("olmo2", "")]
    [InlineData("olmo2", "self_attn.k_proj,mlp.down_proj")]
    [InlineData("gpt2", "")]
    [InlineData("gpt2", "mlp.c_fc")]
    [InlineData("gpt_neox", "")]
    [InlineData("gpt_neox", "mlp.dense_h_to_4h")]
    [InlineData("phi", "")]
    [InlineData("phi", "self_attn.q_proj")]
    [InlineData("phi", "mlp.fc1")]
    [InlineData("phi", "mlp.fc2")]
    [InlineData("stablelm", "")]
    public void What_a_block_keeps_is_what_was_planned_to_the_byte(string family, string roles)
    {
        VectorCode.SkipWhereThereIsNone();
        AssertKept(family, roles, new());
        AssertKept(family, roles, new() { UseDora = true });
        AssertKept(family, roles, new() { UseDora = true, Dropout = 0.1 });
    }

    private static void AssertKept(string family, string roles, LoraConfig config)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        string[] modules = FusedStepCase.InBlock(family, 1, roles.Split(',', StringSplitOptions.RemoveEmptyEntries));
        FusedStepCase run = new(family, ScalarType.Float32, modules, config: config);
        run.Adapter.IsTraining = true;
        PackedDocuments documents = new(run.Examples);
        StepContext step = run.Model.Fused.Context(documents);
        StepShape shape = new([.. run.Examples.Select(example => example.Ids.Length)], run.Rows.Count);
        using FusedLayer layer = run.Layer(1);
        layer.Refresh();
        Tensor x = run.Model.Fused.Embedding.index_select(0, tensor(documents.Ids, device: CPU));

        using TensorStack stack = new(CPU);
        foreach (Kept kept in new[] { Kept.Products, Kept.AllButProbabilities, Kept.All })
        {
            stack.Release(default);
            stack.Reserve(layer.Memory.Kept(kept, shape));
            LayerState state = layer.Forward(x, step, kept, stack).State!;
            Assert.Equal(layer.Memory.Kept(kept, shape), state.Size + (x.NumberOfElements * x.element_size()));
            Assert.Equal(0, stack.Overflow);
        }
    }

    [Theory]
    [InlineData("llama3", "", 0, 0, 0, false)]
    [InlineData("qwen3", "", 0, 0, 1, false)]
    [InlineData("phi3", "", 1, 1, 1, false)]
    [InlineData("gemma", "model.layers.1.mlp.up_proj", 0, 0, 0, false)]
    [InlineData("qwen3", "model.layers.1.self_attn.k_proj", 0, 0, 0, false)]
    [InlineData("mistral", "lm_head", 0, 0, 0, false)]
    [InlineData("gemma2", "", 0, 0, 1, false)]
    [InlineData("gemma2", "", 1, 1, 1, false)]
    [InlineData("gemma2", "", 0, 0, 0, true)]
    [InlineData("gemma2", "", 0, 0, 1, true)]
    [InlineData("gemma2", "model.layers.1.self_attn.o_proj,model.layers.1.mlp.up_proj", 0, 0, 0, true)]
    [InlineData("gemma3_text", "", 0, 0, 1, false)]
    [InlineData("gemma3_text", "", 1, 1, 1, true)]
    [InlineData("olmo2", "", 0, 0, 1, false)]
    [InlineData("olmo2", "", 1, 1, 1, true)]
    [InlineData("olmo2", "model.layers.1.self_attn.o_proj", 0, 0, 0, false)]
    [InlineData("llama3", "", 0, 0, 0, true)]
    [InlineData("qwen3", "", 1, 1, 1, true)]
    [InlineData("gemma", "model.layers.1.self_attn.q_proj,model.layers.1.self_attn.k_proj", 0, 0, 0, true)]
    [InlineData("mistral", "lm_head", 0, 0, 0, true)]
    [InlineData("llama3", "", 0, 2, 2, false)]
    [InlineData("llama3", "", 0, 2, 2, true)]
    [InlineData("qwen3", "", 0, 2, 2, false)]
    [InlineData("qwen3", "", 0, 2, 2, true)]
    [InlineData("gemma2", "", 0, 2, 2, false)]
    [InlineData("gemma2", "", 0, 2, 2, true)]
    [InlineData("gemma2", "model.layers.1.self_attn.o_proj,model.layers.1.mlp.up_proj", 0, 1, 1, false)]
    [InlineData("gemma2", "model.layers.1.self_attn.o_proj,model.layers.1.mlp.up_proj", 0, 1, 1, true)]
    [InlineData("phi3", "model.layers.1.mlp.down_proj", 0, 1, 1, false)]
    [InlineData("phi3", "model.layers.1.mlp.down_proj", 0, 1, 1, true)]
    [InlineData("gemma3_text", "", 0, 2, 2, false)]
    [InlineData("gemma3_text", "", 0, 2, 2, true)]
    [InlineData("olmo2", "", 0, 2, 2, false)]
    [InlineData("olmo2", "", 0, 2, 2, true)]
    [InlineData("gpt2", "", 0, 0, 0, false)]
    [InlineData("gpt2", "", 0, 0, 0, true)]
    [InlineData("gpt2", "", 0, 0, 1, false)]
    [InlineData("gpt2", "", 0, 0, 1, true)]
    [InlineData("gpt2", "", 1, 1, 1, false)]
    [InlineData("gpt2", "", 1, 1, 1, true)]
    [InlineData("gpt2", "", 0, 2, 2, false)]
    [InlineData("gpt2", "", 0, 2, 2, true)]
    [InlineData("gpt_neox", "", 0, 0, 0, false)]
    [InlineData("gpt_neox", "", 0, 0, 0, true)]
    [InlineData("gpt_neox", "", 0, 0, 1, false)]
    [InlineData("gpt_neox", "", 0, 0, 1, true)]
    [InlineData("gpt_neox", "", 1, 1, 1, false)]
    [InlineData("gpt_neox", "", 1, 1, 1, true)]
    [InlineData("gpt_neox", "", 0, 2, 2, false)]
    [InlineData("gpt_neox", "", 0, 2, 2, true)]
    [InlineData("phi", "", 0, 0, 0, false)]
    [InlineData("phi", "", 0, 0, 0, true)]
    [InlineData("phi", "", 0, 0, 1, false)]
    [InlineData("phi", "", 0, 0, 1, true)]
    [InlineData("phi", "", 1, 1, 1, false)]
    [InlineData("phi", "", 1, 1, 1, true)]
    [InlineData("phi", "", 0, 2, 2, false)]
    [InlineData("phi", "", 0, 2, 2, true)]
    [InlineData("phi", "model.layers.1.mlp.fc1", 0, 0, 0, false)]
    [InlineData("phi", "model.layers.1.self_attn.dense", 0, 0, 0, true)]
    [InlineData("gpt_neox", "gpt_neox.layers.1.attention.dense", 0, 0, 0, false)]
    public void Everything_finds_the_room_that_was_planned_for_it(string family, string modules, int blocks, int activations, int attentions, bool byOperators)
    {
        AssertRoom(family, modules, new(blocks, activations, attentions), byOperators, new() { Dropout = 0.1 });
        AssertRoom(family, modules, new(blocks, activations, attentions), byOperators, new() { UseDora = true });
        AssertRoom(family, modules, new(blocks, activations, attentions), byOperators, new() { UseDora = true, Dropout = 0.1 });
    }

    private static void AssertRoom(string family, string modules, Recomputation recomputation, bool byOperators, LoraConfig config)
    {
        using DisposeScope scope = NewDisposeScope();
        string[] adapted = modules.Length == 0 ? FusedStepCase.Everything(family) : modules.Split(',');
        FusedStepCase run = new(family, ScalarType.Float32, adapted, config: config);
        run.Adapter.IsTraining = true;
        using FusedStep step = run.Fused(byOperators ? new TorchKernels() : null);
        step.Recomputation = recomputation;

        run.Loss(step);
        step.SumLoss(run.Batch, run.Rows);

        Assert.Equal(0, step.Overflow);
    }

    /// <summary>Block by block, for the same reason as below.</summary>
    [Theory]
    [InlineData("llama3", Kept.All, false)]
    [InlineData("llama3", Kept.Products, true)]
    [InlineData("qwen2", Kept.All, true)]
    [InlineData("phi3", Kept.Products, false)]
    [InlineData("gemma2", Kept.All, true)]
    [InlineData("olmo2", Kept.Products, false)]
    public void Outputs_that_magnitudes_scale_again_find_their_room(string family, object kept, bool byOperators)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        FusedStepCase run = new(family, ScalarType.Float32, FusedStepCase.Everything(family), config: new() { UseDora = true });
        PackedDocuments documents = new(run.Examples);
        StepContext step = run.Model.Fused.Context(documents);
        StepShape shape = new([.. run.Examples.Select(example => example.Ids.Length)], run.Rows.Count);
        Tensor x = run.Model.Fused.Embedding.index_select(0, tensor(documents.Ids, device: CPU));
        using TensorStack scratch = new(CPU);
        using TensorStack states = new(CPU);
        using FusedLayer layer = run.Layer(1, byOperators ? new TorchKernels() : null, scratch);
        layer.Refresh();

        scratch.Reserve(layer.Memory.ForwardScratch((Kept)kept, shape));
        LayerState state = layer.Forward(x, step, (Kept)kept, states).State!;
        Assert.Equal(0, scratch.Overflow);

        scratch.Reserve(layer.Memory.BackwardScratch((Kept)kept, shape));
        layer.Backward(ones_like(x), x, state, step, needsInput: true);
        Assert.Equal(0, scratch.Overflow);
    }

    /// <summary>What a beginning leaves for texts behind it lies where steps keep what their backward passes need.</summary>
    [Theory]
    [InlineData("llama3", 1, false, false)]
    [InlineData("llama3", 1, true, false)]
    [InlineData("mistral", 1, true, false)]
    [InlineData("qwen3", 1, true, false)]
    [InlineData("gemma2", 1, false, false)]
    [InlineData("gemma2", 1, true, false)]
    [InlineData("gemma2", 2, true, false)]
    [InlineData("gemma3_text", 1, false, false)]
    [InlineData("olmo2", 1, true, false)]
    [InlineData("llama3", 1, true, true)]
    [InlineData("gemma2", 1, false, true)]
    public void Texts_that_begin_alike_find_the_room_that_was_planned_for_them(string family, int slices, bool byOperators, bool useDora)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new(family, ScalarType.Float32, FusedStepCase.Everything(family), config: new() { UseDora = useDora });
        using FusedStep step = run.Fused(byOperators ? new TorchKernels() : null);
        step.AttentionSlices = slices;
        int[] question = [.. Enumerable.Range(0, 400).Select(place => place % 40)];
        TrainingExample[] texts = [.. new[] { 150, 3, 90 }.Select(length => Text([.. Enumerable.Range(5, length).Select(place => place % 40)]))];

        step.SumEach(texts);

        Assert.Equal(0, step.Overflow);

        TrainingExample Text(int[] answer) => new([.. question, .. answer], [.. question.Select(_ => TrainingExample.Unsupervised), .. answer], 1);
    }

    /// <summary>Block by block: in a whole step the head's room hides what a block lacks.</summary>
    [Theory]
    [InlineData("llama3", 3 * 48)]
    [InlineData("qwen3", 3 * 32)]
    [InlineData("phi3", 48)]
    [InlineData("gemma2", 3 * 32)]
    [InlineData("gemma3_text", 3 * 48)]
    [InlineData("olmo2", 3 * 48)]
    [InlineData("gpt2", 128)]
    [InlineData("gpt_neox", 96)]
    [InlineData("phi", 3 * 48)]
    public void Inputs_that_adapters_drop_together_find_their_room(string family, int widest)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        FusedStepCase run = new(family, ScalarType.Float32, FusedStepCase.Everything(family), config: new() { Dropout = 0.1 });
        run.Adapter.IsTraining = true;
        PackedDocuments documents = new(run.Examples);
        StepContext step = run.Model.Fused.Context(documents);
        StepShape shape = new([.. run.Examples.Select(example => example.Ids.Length)], run.Rows.Count);
        Tensor x = run.Model.Fused.Embedding.index_select(0, tensor(documents.Ids, device: CPU));
        using TensorStack scratch = new(CPU);
        using TensorStack states = new(CPU);
        using FusedLayer layer = run.Layer(1, new TorchKernels(), scratch);
        layer.Refresh();

        scratch.Reserve(layer.Memory.ForwardScratch(Kept.All, shape));
        LayerState state = layer.Forward(x, step, Kept.All, states).State!;
        Assert.Equal(0, scratch.Overflow);

        scratch.Reserve(layer.Memory.BackwardScratch(Kept.All, shape));
        layer.Backward(ones_like(x), x, state, step, needsInput: true);
        Assert.Equal(0, scratch.Overflow);
        Assert.Equal(widest, layer.Memory.Widths.Dropped); // the masks, in memory that operators make
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 1)]
    [InlineData(false, 2)]
    public void Plain_products_of_capped_scores_find_their_room_and_leave_none(bool keepsProbabilities, int slices)
    {
        Kept kept = keepsProbabilities ? Kept.All : Kept.AllButProbabilities;
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        FusedStepCase run = new("gemma2", ScalarType.Float32, FusedStepCase.Everything("gemma2"));
        PackedDocuments documents = new(run.Examples);
        StepContext step = run.Model.Fused.Context(documents);
        StepShape shape = new([.. run.Examples.Select(example => example.Ids.Length)], run.Rows.Count) { AttentionSlices = slices };
        Tensor x = run.Model.Fused.Embedding.index_select(0, tensor(documents.Ids, device: CPU));
        using TensorStack scratch = new(CPU);
        using TensorStack states = new(CPU);
        using FusedLayer layer = run.Layer(1, new TorchKernels(), scratch);
        layer.AttentionSlices = slices;
        layer.Refresh();

        scratch.Reserve(layer.Memory.ForwardScratch(kept, shape));
        states.Reserve(layer.Memory.Kept(kept, shape));
        LayerState state = layer.Forward(x, step, kept, states).State!;
        Assert.Equal((0, 0), (scratch.Overflow, states.Overflow));
        Assert.InRange(states.Top.Used, 0.98 * layer.Memory.Kept(kept, shape), layer.Memory.Kept(kept, shape) + (64 * 64)); // the output takes the room of the input

        scratch.Reserve(layer.Memory.BackwardScratch(kept, shape));
        layer.Backward(ones_like(x), x, state, step, needsInput: true);
        Assert.Equal(0, scratch.Overflow);
    }

    [Fact]
    public void What_is_computed_again_lowers_the_peak_step_by_step()
    {
        VectorCode.SkipWhereThereIsNone(); // libtorch's attention keeps no probabilities that could be computed again
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new("llama3", ScalarType.Float32, FusedStepCase.Everything("llama3"));
        using FusedStep step = run.Fused();
        StepShape shape = new([300, 300], 600);

        long[] peaks = [.. new Recomputation[] { default, new(0, 0, 1), new(0, 1, 1), new(1, 1, 1) }.Select(choice => step.Memory.Peak(shape, choice))];

        Assert.Equal(peaks.OrderDescending(), peaks);
        Assert.Equal(4, peaks.Distinct().Count());
    }
}
