using Lora.Adapters;
using Lora.Models;
using Lora.Quantization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>An adapter on a base in 4 bits against the same adapter on a base whose weights are the values of the 4-bit ones.</summary>
public class QuantizedModelTests
{
    private static readonly string[] Modules =
        [.. from layer in Enumerable.Range(0, 2) from role in new[] { "self_attn.q_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj" } select $"model.layers.{layer}.{role}"];

    [Theory]
    [InlineData("llama3")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("gemma")]
    public void Loss_and_gradients_are_those_over_the_dequantised_weights(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase quantized = new(family, ScalarType.Float32, Modules, LoraQuantization.NF4);
        FusedStepCase dequantized = new(family, ScalarType.Float32, Modules);
        CopyValues(quantized.Model, dequantized.Model);
        using ReferenceStep reference = new(dequantized.Model);
        using ReferenceStep module = new(quantized.Model);
        using FusedStep fused = quantized.Fused();
        double loss = dequantized.Loss(reference);
        Tensor expected = dequantized.Gradients(reference);

        Assert.Equal(loss, quantized.Loss(module), Closeness.To(5));
        Assert.Equal(loss, quantized.Loss(fused), Closeness.To(5));
        Assert.InRange(Closeness.Relative(quantized.Gradients(module), expected), 0, 1e-5);
        Assert.InRange(Closeness.Relative(quantized.Gradients(fused), expected), 0, 1e-5);
    }

    [Fact]
    public void A_quantised_base_is_another_than_the_one_it_came_from()
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase quantized = new("llama3", ScalarType.Float32, Modules, LoraQuantization.NF4);
        FusedStepCase original = new("llama3", ScalarType.Float32, Modules);
        using ReferenceStep one = new(quantized.Model);
        using ReferenceStep other = new(original.Model);

        Assert.NotEqual(original.Loss(other), quantized.Loss(one), Closeness.To(6));
    }

    [Theory]
    [InlineData("qwen2", ScalarType.Float32)]
    [InlineData("qwen2", ScalarType.BFloat16)]
    [InlineData("phi3", ScalarType.Float32)]
    [InlineData("gemma", ScalarType.Float32)]
    public void The_size_is_told_from_the_shape(string family, ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new(family, type, FusedStepCase.Everything(family), LoraQuantization.NF4);
        using FusedStep step = run.Fused();
        run.Loss(step);

        WeightSize size = WeightSize.Of(run.Model.Shape, type, LoraQuantization.NF4);

        Assert.Equal(Held(run.Model), size.Held);
        Assert.Equal(run.Model.WeightSize, size.Held);
        Assert.Equal(run.Model.Buffer.Size, size.Buffer);
        Assert.Equal(0, run.Model.Buffer.Missing);
        using CausalLanguageModel plain = ModelLoader.Load(Repository.Fixture("families", family), CPU, type);
        Assert.Equal(new WeightSize(Held(plain), 0), WeightSize.Of(plain.Shape, type, LoraQuantization.None));
    }

    [Fact]
    public void Quantised_matrices_take_a_little_more_than_a_quarter_of_bfloat16()
    {
        const long Values = 4096 * 14336;

        Assert.InRange(Nf4Layout.SizeOf(Values) / (2.0 * Values), 0.25, 0.27);
    }

    [Fact]
    public void What_went_wrong_within_a_backward_pass_is_thrown_after_it_once()
    {
        using WeightBuffer buffer = new();
        buffer.ThrowIfFailed();
        buffer.Fail(new InvalidOperationException("first"));
        buffer.Fail(new InvalidOperationException("second"));

        Assert.Equal("first", Assert.Throws<InvalidOperationException>(buffer.ThrowIfFailed).Message);
        buffer.ThrowIfFailed();
    }

    [Fact]
    public void Layers_are_listed_as_the_linear_layers_they_stand_for()
    {
        using CausalLanguageModel quantized = ModelLoader.Load(Repository.Fixture("families", "qwen2"), CPU, ScalarType.Float32, LoraQuantization.NF4);
        using CausalLanguageModel plain = ModelLoader.Load(Repository.Fixture("families", "qwen2"), CPU, ScalarType.Float32);

        Assert.Equal(
            ModuleListing.Of(plain, fanInFanOut: false).Modules.Select(module => (module.Name, module.Kind, module.InFeatures, module.OutFeatures, module.ParameterCount)),
            ModuleListing.Of(quantized, fanInFanOut: false).Modules.Select(module => (module.Name, module.Kind, module.InFeatures, module.OutFeatures, module.ParameterCount)));
    }

    [Theory]
    [InlineData("pissa", true, 0)]
    [InlineData("olora", false, 0)]
    [InlineData("true", true, 0.1)]
    public void Starts_and_variants_that_need_the_weight_s_values_have_them(string initialization, bool useDora, double dropout)
    {
        using DisposeScope scope = NewDisposeScope();
        LoraConfig config = new() { Rank = 2, Initialization = initialization, UseDora = useDora, Dropout = dropout };
        FusedStepCase run = new("llama3", ScalarType.Float32, [], LoraQuantization.NF4);
        using AttachedAdapter adapter = new(run.Model, config, [new("model.layers.1.mlp.up_proj", 2, 1)], CPU, seed: 1);
        adapter.IsTraining = true;
        using ReferenceStep step = new(run.Model);

        run.Loss(step);

        Assert.True(adapter.Arena.Gradients.abs().sum().ToDouble() > 0);
    }

    [Fact]
    public void Merging_is_refused_and_says_where_it_can_be_done()
    {
        using DisposeScope scope = NewDisposeScope();
        FusedStepCase run = new("llama3", ScalarType.Float32, Modules, LoraQuantization.NF4);

        LoraException exception = Assert.Throws<LoraException>(run.Adapter.Merge);

        Assert.All(exception.Problems, problem => Assert.Equal(LoraError.MergeRefused, problem.Error));
        Assert.Contains("Export-LoraModel", exception.Message, StringComparison.Ordinal);
        Assert.True(run.Adapter.IsEnabled);
    }

    [Fact]
    public void Training_a_quantised_weight_whole_is_refused()
    {
        using CausalLanguageModel model = ModelLoader.Load(Repository.Fixture("families", "llama3"), CPU, ScalarType.Float32, LoraQuantization.NF4);

        LoraException exception = Assert.Throws<LoraException>(
            () => new AttachedAdapter(model, new LoraConfig { ModulesToSave = ["up_proj"] }, [], CPU, seed: 1));

        Assert.Equal(LoraError.AdapterFeatureUnsupported, exception.Error);
        LoraProblem problem = QuantizedWeights.Check(new LoraConfig { ModulesToSave = ["up_proj"] }, Repository.Fixture("families", "llama3"), LoraQuantization.NF4).First();
        Assert.Equal(LoraError.AdapterFeatureUnsupported, problem.Error);
        Assert.Empty(QuantizedWeights.Check(new LoraConfig { ModulesToSave = ["lm_head"] }, Repository.Fixture("families", "llama3"), LoraQuantization.NF4));
        Assert.Empty(QuantizedWeights.Check(new LoraConfig { ModulesToSave = ["up_proj"] }, Repository.Fixture("families", "llama3"), LoraQuantization.None));
    }

    private static void CopyValues(CausalLanguageModel quantized, CausalLanguageModel plain)
    {
        using IDisposable noGradient = no_grad();
        Dictionary<string, Parameter> parameters = plain.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter);
        foreach ((string name, nn.Module module) in quantized.named_modules())
        {
            if (module is QuantizedLinear layer)
            {
                parameters[name + ".weight"].copy_(layer.Copy());
            }
        }
    }

    private static long Held(CausalLanguageModel model)
    {
        IEnumerable<Tensor> tensors = model.named_parameters()
            .Where(entry => entry.parameter.device_type != DeviceType.META && !(model.Shape.Head.IsTied && entry.name == "lm_head.weight"))
            .Select(entry => (Tensor)entry.parameter)
            .Concat(model.named_modules().Select(entry => entry.module).OfType<QuantizedLinear>().SelectMany(layer => new[] { layer.Matrix.Codes, layer.Matrix.Magnitudes.Values, layer.Matrix.Magnitudes.Nested!.Scales, layer.Matrix.Magnitudes.Nested.Means }));
        return tensors.Sum(tensor => tensor.numel() * tensor.ElementSize);
    }
}
