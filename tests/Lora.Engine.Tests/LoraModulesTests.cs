using Lora.Adapters;
using Lora.Tests.Adapters;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tests;

/// <summary>LoRA on a model that a program built itself.</summary>
public class LoraModulesTests
{
    [Theory]
    [InlineData("plain", ScalarType.Float32)]
    [InlineData("dora", ScalarType.Float32)]
    [InlineData("bias", ScalarType.Float32)]
    [InlineData("saved", ScalarType.Float32)]
    [InlineData("saved", ScalarType.BFloat16)]
    public void A_torch_optimiser_trains_the_adapter_and_nothing_else(string variant, ScalarType dtype)
    {
        using OwnModel model = new(dtype: dtype);
        byte[] bytes = model.Bytes();
        using DisposeScope scope = NewDisposeScope();
        Tensor input = OwnModel.Input();
        Tensor wanted = ones(5, 7, device: CPU);
        using (AttachedLora adapter = LoraModules.Attach(model, MergeTests.Variant(variant) with { TargetModule = OwnModel.Adaptable, Dropout = 0.1 }))
        {
            adapter.IsTraining = true;
            using optim.Optimizer optimizer = optim.AdamW(adapter.Parameters, lr: 0.02);
            Tensor[] starts = [.. adapter.Parameters.Select(parameter => parameter.detach().clone())];
            double first = Step(optimizer, adapter);
            double last = Enumerable.Range(0, 20).Select(_ => Step(optimizer, adapter)).Last();

            Assert.True(last < 0.99 * first, $"{first} became {last}");
            Assert.All(adapter.Parameters.Zip(starts), pair => Assert.False(pair.First.equal(pair.Second).all().ToBoolean()));
            Assert.Empty(adapter.Unreached);
        }

        Assert.Equal(bytes, model.Bytes());
        Assert.All(model.parameters(), parameter => Assert.True(parameter.requires_grad));

        double Step(optim.Optimizer optimizer, AttachedLora adapter)
        {
            using DisposeScope step = NewDisposeScope();
            optimizer.zero_grad();
            Tensor loss = nn.functional.mse_loss(model.call(input).to(ScalarType.Float32), wanted);
            loss.backward();
            adapter.GatherGradients();
            optimizer.step();
            return loss.ToDouble();
        }
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("dora")]
    [InlineData("bias")]
    [InlineData("saved")]
    public void A_saved_adapter_does_the_same_when_it_is_loaded(string variant)
    {
        using TemporaryFolder folder = new();
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using OwnModel model = new();
        byte[] trained;
        using (AttachedLora adapter = LoraModules.Attach(model, MergeTests.Variant(variant) with { TargetModule = OwnModel.Adaptable }))
        {
            MergeTests.Disturb(adapter);
            trained = model.call(OwnModel.Input()).bytes.ToArray();
            adapter.Save(folder.Path);
        }

        using AttachedLora loaded = LoraModules.Load(model, AdapterFolder.Load(folder.Path));

        Assert.Equal(trained, model.call(OwnModel.Input()).bytes.ToArray());
    }

    [Theory]
    [InlineData("true")]
    [InlineData("false")]
    [InlineData("gaussian")]
    [InlineData("orthogonal")]
    [InlineData("pissa_niter_1")]
    public void A_start_repeats_from_its_seed_and_differs_from_another_s(string initialization)
    {
        using OwnModel model = new();
        LoraConfig config = MergeTests.Variant("plain") with { TargetModule = OwnModel.Adaptable, Initialization = initialization };

        Assert.Equal(Start(1), Start(1));
        Assert.NotEqual(Start(1), Start(2));

        string[] Start(int seed)
        {
            using AttachedLora adapter = LoraModules.Attach(model, config, seed);
            return [.. adapter.ToAdapter().Tensors.Select(tensor => Convert.ToHexString(tensor.Bytes.Span))];
        }
    }

    [Fact]
    public void Tensors_go_by_PEFT_s_names_and_shapes()
    {
        using OwnModel model = new();
        using AttachedLora adapter = LoraModules.Attach(
            model, MergeTests.Variant("dora") with { TargetModule = ["table", "dilated", "transposed"], ModulesToSave = ["norm"], Bias = LoraBias.LoraOnly });

        string[] names = [.. adapter.ToAdapter().Tensors.Select(tensor => $"{tensor.Name["base_model.model.".Length..]} {string.Join(',', tensor.Shape)}")];

        Assert.Equal(
            [
                "table.lora_embedding_A 2,11", "table.lora_embedding_B 16,2", "table.lora_magnitude_vector 16",
                "dilated.lora_A.weight 2,6,3,2", "dilated.lora_B.weight 4,2,1,1", "dilated.lora_magnitude_vector 1,4,1,1",
                "transposed.lora_A.weight 2,48", "transposed.lora_B.weight 9,2", "transposed.lora_magnitude_vector 9",
                "norm.weight 7", "norm.bias 7", "transposed.base_layer.bias 9",
            ],
            names);
    }

    [Fact]
    public void Modules_to_save_are_whole_dotted_endings()
    {
        using Sequential model = nn.Sequential(("norm", nn.LayerNorm(4)), ("input_norm", nn.LayerNorm(4)), ("linear", nn.Linear(4, 4)));
        using AttachedLora adapter = LoraModules.Attach(model, new() { TargetModule = ["linear"], ModulesToSave = ["norm"] });

        Assert.Equal(["linear", "norm"], adapter.Modules);
    }

    [Fact]
    public void A_model_that_calls_forward_is_told_by_the_modules_that_nothing_reached()
    {
        using Linear linear = nn.Linear(4, 4);
        using Sequential model = nn.Sequential(("linear", linear));
        using AttachedLora adapter = LoraModules.Attach(model, new() { TargetModule = ["linear"] });
        using Tensor output = linear.forward(ones(1, 4));

        Assert.Equal(["linear"], adapter.Unreached);
    }

    [Fact]
    public void What_the_engine_cannot_adapt_is_refused_and_leaves_the_model_as_it_was()
    {
        using Sequential model = nn.Sequential(
            ("grouped", nn.Conv2d(4, 4, 3, groups: 2)), ("batch", nn.BatchNorm2d(4)), ("table", nn.Embedding(4, 4)), ("linear", nn.Linear(4, 4)));

        Refused(LoraError.AdapterFeatureUnsupported, new() { TargetModule = ["grouped"] });
        Refused(LoraError.AdapterFeatureUnsupported, new() { TargetModule = ["linear"], ModulesToSave = ["batch"] });
        Refused(LoraError.AdapterFeatureUnsupported, new() { TargetModule = ["table"], UseLoraBias = true });
        Refused(LoraError.TargetKindUnsupported, new() { TargetModule = ["batch"] });
        Refused(LoraError.ConfigConflict, new() { TargetModule = ["linear"], Rank = 3, Initialization = "orthogonal" });
        Refused(LoraError.ConfigConflict, new() { TargetModule = ["linear"], Rank = 5, Initialization = "pissa_niter_2" });
        Refused(LoraError.TargetNotFound, new() { TargetModule = ["linear"], ModulesToSave = ["head"] });
        Assert.All(model.parameters(), parameter => Assert.True(parameter.requires_grad));

        void Refused(LoraError error, LoraConfig config) => Assert.Equal(error, Assert.Throws<LoraException>(() => LoraModules.Attach(model, config)).Error);
    }
}
