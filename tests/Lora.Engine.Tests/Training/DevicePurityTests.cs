using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Training;

/// <summary>
/// With META as the default device, a tensor made without naming its device has no values and cannot meet the model's: the run fails
/// or its loss is empty. So what passes here makes every tensor on the model's own device, whichever that is.
/// </summary>
[Collection(nameof(DevicePurityTests))]
[CollectionDefinition(nameof(DevicePurityTests), DisableParallelization = true)]
public class DevicePurityTests
{
    [Theory]
    [InlineData("llama3")]
    [InlineData("mistral")]
    [InlineData("qwen3")]
    public void Forward_backward_and_optimiser_step_make_no_tensor_on_an_unnamed_device(string family) =>
        Train(family, new() { Bias = LoraBias.All, Dropout = 0.1, Rank = 2 }, "model.embed_tokens", "model.layers.1.mlp.down_proj", "lm_head");

    [Theory]
    [InlineData("llama3")]
    [InlineData("mistral")]
    [InlineData("qwen3")]
    public void The_fused_step_makes_no_tensor_on_an_unnamed_device(string family) =>
        Train(family, new() { Rank = 2 }, "model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj", "lm_head");

    [Theory]
    [InlineData("gaussian")]
    [InlineData("orthogonal")]
    [InlineData("olora")]
    [InlineData("pissa")]
    [InlineData("pissa_niter_2")]
    public void Initialisations_make_no_tensor_on_an_unnamed_device(string initialization) =>
        Train("llama3", new() { Initialization = initialization, UseDora = true, Dropout = 0.1 }, "model.embed_tokens", "model.layers.0.mlp.up_proj");

    [Fact]
    public void Biases_of_B_and_modules_trained_whole_make_no_tensor_on_an_unnamed_device() =>
        Train("llama3", new() { UseLoraBias = true, ModulesToSave = ["norm"] }, "model.layers.0.mlp.up_proj");

    [Fact]
    public void A_tensor_on_an_unnamed_device_would_be_found()
    {
        set_default_device(META);
        try
        {
            using Tensor unnamed = ones(2);
            Assert.Equal(DeviceType.META, unnamed.device_type);
        }
        finally
        {
            set_default_device(CPU);
        }
    }

    private static void Train(string family, LoraConfig config, params string[] modules)
    {
        set_default_device(META);
        try
        {
            using DisposeScope scope = NewDisposeScope();
            using CausalLanguageModel model = ModelLoader.Load(Repository.Fixture("families", family), CPU, ScalarType.Float32);
            using AttachedAdapter adapter = new(model, config, [.. modules.Select(module => new AdapterTarget(module, 2, 1))], CPU, seed: 1);
            TrainingExample example = new([.. Enumerable.Range(3, 12)], [.. Enumerable.Range(3, 12)], 1);
            using IStepEngine engine = StepEngines.Choose(model, adapter.Layers).Engine;
            using AdamW optimizer = new(adapter.Arena.Values, adapter.Arena.Gradients, weightDecay: 0.01);
            TrainingLoop loop = new(engine, adapter, optimizer, new());
            TrainingStepBatches[] steps = [.. Enumerable.Range(1, 2).Select(step => new TrainingStepBatches(step, 0, [Batch.Of([example], 0)]))];

            loop.Run(steps, new(1e-2, TrainingSchedule.Constant, 0, 2), _ => { }, CancellationToken.None);
            int[] next = GreedyDecoder.Continue(model, [1, 2, 3], 3, endings: [], _ => { }, CancellationToken.None);

            Assert.Equal(3, next.Length);
            Assert.True(loop.History[1].Loss < loop.History[0].Loss);
            adapter.Merge();
            adapter.Unmerge();
        }
        finally
        {
            set_default_device(CPU);
        }
    }
}
