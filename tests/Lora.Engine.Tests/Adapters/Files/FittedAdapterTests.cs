using Lora.Adapters;
using Lora.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>Adapters as PEFT saves them by default hold more than was trained, and name what was by plain endings.</summary>
public class FittedAdapterTests
{
    // float32, sums in another order than PEFT's; the run's largest logit is near 20.
    private const double Tolerance = 1e-5;

    private const string Head = "base_model.model.lm_head.base_layer.weight";
    private const string Table = "base_model.model.model.embed_tokens.base_layer.weight";

    [Theory]
    [InlineData("save")]
    [InlineData("embed")]
    [InlineData("base")]
    public void On_its_model_it_gives_PEFT_s_logits(string run) => AssertLogits(run, PeftAdapter.Of(run));

    [Fact]
    public void Modules_to_save_are_those_that_have_tensors()
    {
        LoraAdapter adapter = PeftAdapter.Of("save");

        string[] saved = FittedAdapter.Of(adapter, PeftAdapter.Model, resizes: false).Adapter.Config.ModulesToSave!;

        // PEFT, asked for "norm", trained all eleven norms.
        Assert.Equal(["norm"], adapter.Config.ModulesToSave!);
        Assert.Equal(11, saved.Length);
        Assert.All(saved, name => Assert.EndsWith("norm", name, StringComparison.Ordinal));
    }

    [Fact]
    public void An_entry_without_a_tensor_stays_so_that_what_is_missing_is_named()
    {
        LoraAdapter adapter = PeftAdapter.Of("save");
        LoraAdapter asked = new() { Config = adapter.Config with { ModulesToSave = ["norm", "lm_head"] }, Tensors = adapter.Tensors };

        Assert.Contains("lm_head", AdapterContents.Of(asked).Config.ModulesToSave!);
    }

    [Fact]
    public void Copies_of_the_model_s_own_weights_are_ignored_with_a_note()
    {
        LoraAdapter adapter = PeftAdapter.Of("embed", PeftAdapter.Embedding(Table), PeftAdapter.Embedding(Head));

        FittedAdapter fitted = FittedAdapter.Of(adapter, PeftAdapter.Model, resizes: false);

        Assert.Contains($"{Table}, {Head}", fitted.Note!, StringComparison.Ordinal);
        Assert.Equal(PeftAdapter.Of("embed").Tensors.Select(tensor => tensor.Name), fitted.Adapter.Tensors.Select(tensor => tensor.Name));
        AssertLogits("embed", adapter);
    }

    [Fact]
    public void A_copy_that_was_rounded_to_another_dtype_is_the_model_s_own()
    {
        TensorData table = PeftAdapter.Embedding(Table);
        using Tensor rounded = AdapterTensors.Read(table).to(ScalarType.BFloat16);
        TensorData stored = new(Table, TensorDataType.BF16, table.Shape, rounded.bytes.ToArray());

        Assert.NotNull(FittedAdapter.Of(PeftAdapter.Of("embed", stored), PeftAdapter.Model, resizes: false).Note);
    }

    [Theory]
    [InlineData(Table)]
    [InlineData("base_model.model.model.embed_tokens.weight")]
    public void A_copy_of_another_model_s_weights_is_refused_by_name(string key)
    {
        LoraAdapter adapter = PeftAdapter.Of("embed", PeftAdapter.Embedding(key, change: 1e-3));

        LoraException exception = Assert.Throws<LoraException>(() => FittedAdapter.Of(adapter, PeftAdapter.Model, resizes: false));

        Assert.Equal(LoraError.AdapterWeightsInvalid, exception.Error);
        Assert.Contains($"'{key}': it is a weight of the base model and not that of", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Biases_that_PEFT_saves_three_times_count_once()
    {
        TensorData[] biases = [.. new[] { "classifier.bias", "classifier.original_module.bias", "classifier.modules_to_save.bias" }
            .Select(name => new TensorData("base_model.model." + name, TensorDataType.F32, [1], new byte[4]))];
        LoraAdapter adapter = new() { Config = new() { Bias = LoraBias.All, ModulesToSave = ["classifier", "score"] }, Tensors = biases };

        AdapterContents contents = AdapterContents.Of(adapter);

        Assert.Equal([biases[0]], contents.Trained);
        Assert.Equal([biases[1]], contents.Copies);
        Assert.Equal(["classifier", "score"], contents.Config.ModulesToSave!);
    }

    [Fact]
    public void A_tensor_that_nothing_answers_to_is_named()
    {
        TensorData stray = new("base_model.model.model.away.weight", TensorDataType.F32, [1], new byte[4]);

        Assert.Contains("belongs to no adapted module", Assert.Throws<LoraException>(() => FittedAdapter.Of(PeftAdapter.Of("base", stray), PeftAdapter.Model, resizes: false)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("eva")]
    [InlineData("mica")]
    public void A_start_that_leaves_the_base_alone_gives_a_plain_adapter(string initialization)
    {
        LoraAdapter adapter = PeftAdapter.Of("base");

        AssertLogits("base", new() { Config = adapter.Config with { Initialization = initialization }, Tensors = adapter.Tensors });
        Assert.Equal(LoraError.AdapterFeatureUnsupported, Assert.Single(LoraConfigRules.CheckBegin(adapter.Config with { Initialization = initialization })).Error);
    }

    private static void AssertLogits(string run, LoraAdapter adapter)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        (Tensor ids, Tensor logits) = PeftAdapter.End(run);
        using LoraModel model = LoraModel.Load(PeftAdapter.Model, adapter, "cpu");

        Assert.InRange(Closeness.Relative(model.Module.call(ids), logits), 0, Tolerance);
    }
}
