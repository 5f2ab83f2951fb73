using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Compares each model family with transformers' and PEFT's own numbers, within the tolerance that each reference run states.</summary>
public class FamilyGoldenTests
{
    /// <summary>Those whose blocks the fused step computes.</summary>
    public static TheoryData<string> FusedFamilies { get; } =
    [
        "gemma",
        "gemma2",
        "gpt2",
        "gpt_neox",
        "llama3",
        "llama_linear",
        "llama_tied_headdim",
        "mistral",
        "opt",
        "phi3",
        "qwen2",
        "qwen3",
    ];

    /// <summary>Those that go by autograd.</summary>
    public static TheoryData<string> AutogradFamilies { get; } =
    [
        "qwen3_moe",
    ];

    /// <summary>Those without a reference run, by facts alone: folders of tests/fixtures/families with a config.json and nothing else. The fused step computes them.</summary>
    public static TheoryData<string> FusedFactFamilies { get; } =
    [
        "falcon",
        "gemma3_text",
        "gpt_neo",
        "granite",
        "llama_dynamic",
        "llama_yarn",
        "olmo2",
        "phi",
        "smollm3",
        "stablelm",
        "starcoder2",
    ];

    /// <summary>The same, by autograd.</summary>
    public static TheoryData<string> AutogradFactFamilies { get; } =
    [
        "gpt_oss",
        "mixtral",
        "olmoe",
        "qwen2_moe",
    ];

    /// <summary>All with an adapter's numbers.</summary>
    public static TheoryData<string> AdaptedFamilies { get; } = [.. FusedFamilies.Select(family => family.Data), .. AutogradFamilies.Select(family => family.Data)];

    /// <summary>All with the model's numbers.</summary>
    public static TheoryData<string> Families { get; } = [.. AdaptedFamilies.Select(family => family.Data), "qwen2_sharded", "qwen2_bf16"];

    [Theory]
    [MemberData(nameof(Families))]
    public void Logits_and_losses_equal_the_reference(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        GoldenFamily golden = GoldenFamily.Open(family);
        using CausalLanguageModel model = golden.Load();

        Assert.InRange(Closeness.Largest(model.call(golden.Data["input_ids"]), golden.Data["logits"]), 0, golden.Tolerance.Logits);
        AssertMeanLoss(golden, model, "");
    }

    [Theory]
    [MemberData(nameof(AdaptedFamilies))]
    public void Padding_on_the_right_changes_no_real_token(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        GoldenFamily golden = GoldenFamily.Open(family);
        using CausalLanguageModel model = golden.Load();
        Tensor mask = golden.Data["masked.attention_mask"].unsqueeze(-1);

        Assert.InRange(Closeness.Largest(model.call(golden.Data["masked.input_ids"]) * mask, golden.Data["masked.logits"] * mask), 0, golden.Tolerance.Logits);
        AssertMeanLoss(golden, model, GoldenFamily.Padded);

        // Divided by a number of tokens that a trainer counted over several batches (num_items_in_batch).
        (double sum, _) = golden.Loss(model, GoldenFamily.Padded);
        Assert.InRange(Math.Abs((sum / 37) - golden.Data["masked.loss_num_items_37"].ToDouble()), 0, golden.Tolerance.Loss);
    }

    [Theory]
    [MemberData(nameof(AdaptedFamilies))]
    public void Hidden_states_equal_the_reference_block_by_block(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        GoldenFamily golden = GoldenFamily.Open(family);
        using CausalLanguageModel model = golden.Load();
        Tensor[] states = HiddenStates(model, golden.Data["input_ids"]);

        Assert.Equal(states.Length, golden.Data.Names.Count(name => name.StartsWith("hidden_states.", StringComparison.Ordinal)));
        Assert.All(states, (state, index) => Assert.InRange(Closeness.Largest(state, golden.Data[$"hidden_states.{index}"]), 0, golden.Tolerance.Logits));
    }

    [Theory]
    [MemberData(nameof(AdaptedFamilies))]
    public void The_likeliest_continuation_is_the_reference_s(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenFamily golden = GoldenFamily.Open(family);
        using CausalLanguageModel model = golden.Load();
        int[] prompt = [.. golden.Data["generate_prompt"].data<long>().Select(id => (int)id)];
        int[] whole = [.. golden.Data["generate_out"].data<long>().Select(id => (int)id)];

        int[] continuation = GreedyDecoder.Continue(model, prompt, whole.Length - prompt.Length, [], null, CancellationToken.None);
        Assert.Equal(whole[prompt.Length..], continuation);
    }

    [Theory]
    [MemberData(nameof(AdaptedFamilies))]
    public void The_configuration_of_transformers_5_gives_the_same_model(string family)
    {
        string folder = GoldenFamily.FolderOf(family);
        using TemporaryFolder copy = new();
        File.Copy(Path.Combine(folder, "config.v5.json"), copy.File("config.json"));

        ModelShape older = ModelConfigReader.Read(folder);
        ModelShape newer = ModelConfigReader.Read(copy.Path);

        Assert.Equal(older with { Blocks = [] }, newer with { Blocks = [] });
        Assert.Equal(older.Blocks, newer.Blocks);
    }

    [Theory]
    [MemberData(nameof(AdaptedFamilies))]
    public void An_adapter_gives_the_reference_s_logits_and_gradients(string family) => AssertAdapted(family, (model, _) => new ReferenceStep(model));

    [Theory]
    [MemberData(nameof(FusedFamilies))]
    public void The_fused_step_gives_the_reference_s_gradients(string family) => AssertAdapted(family, (model, adapter) =>
    {
        (IStepEngine engine, string? whyAutograd) = StepEngines.Choose(model, adapter.Layers);
        Assert.Null(whyAutograd);
        return engine;
    });

    [Theory]
    [MemberData(nameof(AutogradFamilies))]
    public void A_family_without_a_fused_step_is_trained_by_autograd_which_is_said(string family)
    {
        using CausalLanguageModel model = GoldenFamily.Open(family).Load();
        (IStepEngine engine, string? whyAutograd) = StepEngines.Choose(model, []);

        Assert.IsType<ReferenceStep>(engine);
        Assert.Equal($"there is no fused step for models of type '{model.Shape.ModelType}'", whyAutograd);
    }

    private static void AssertAdapted(string family, Func<CausalLanguageModel, AttachedAdapter, IStepEngine> choose)
    {
        using DisposeScope scope = NewDisposeScope();
        GoldenFamily golden = GoldenFamily.Open(family);
        GoldenTensors lora = golden.Lora();
        using CausalLanguageModel model = golden.Load();
        using AttachedAdapter adapter = golden.Attach(model);
        Tensor mask = golden.Data["masked.attention_mask"].unsqueeze(-1);
        using (no_grad())
        {
            Assert.InRange(Closeness.Largest(model.call(golden.Data["input_ids"]), lora["logits"]), 0, golden.Tolerance.AdaptedLogits);
            Assert.InRange(Closeness.Largest(model.call(golden.Data["masked.input_ids"]) * mask, lora["masked.logits"] * mask), 0, golden.Tolerance.AdaptedLogits);
        }

        using IStepEngine engine = choose(model, adapter);
        foreach ((string set, string gradients) in new[] { ("", "grad."), (GoldenFamily.Padded, "grad_masked.") })
        {
            adapter.Arena.Gradients.zero_();
            Batch batch = golden.Batch(set);
            SupervisedRows rows = SupervisedRows.Of(batch);
            double loss = engine.AddGradients(batch, rows, 1.0 / rows.Count);
            Assert.InRange(Math.Abs(loss - lora[set + "loss"].ToDouble()), 0, golden.Tolerance.Loss);
            foreach (TrainableParameter parameter in adapter.Arena.Parameters)
            {
                Tensor expected = lora[gradients + parameter.Key];
                double largest = expected.abs().max().ToDouble();
                Assert.InRange(Closeness.Largest(parameter.Value.grad!, expected), 0, golden.Tolerance.Gradient * largest);
            }
        }
    }

    private static void AssertMeanLoss(GoldenFamily golden, CausalLanguageModel model, string set)
    {
        (double sum, int count) = golden.Loss(model, set);
        Assert.InRange(Math.Abs((sum / count) - golden.Data[set + "loss"].ToDouble()), 0, golden.Tolerance.Loss);
    }

    /// <summary>What each block is given, and what the head is given: transformers' hidden_states.</summary>
    private static Tensor[] HiddenStates(CausalLanguageModel model, Tensor ids)
    {
        List<Tensor> states = [];
        Dictionary<string, nn.Module> modules = model.named_modules().ToDictionary(entry => entry.name, entry => entry.module);
        for (int layer = 0; layer < model.Shape.Blocks.Count; layer++)
        {
            nn.Module<Tensor, BlockContext, Tensor> block = (nn.Module<Tensor, BlockContext, Tensor>)modules[$"{model.Shape.BlockPrefix}{layer}"];
            block.register_forward_pre_hook((_, hidden, _) =>
            {
                states.Add(hidden.clone());
                return null;
            });
        }

        Tensor last = model.Hidden(ids);
        return [.. states, last];
    }
}
