using Lora.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

public class MixtureQuantizationTests
{
    [Fact]
    public void Experts_are_held_in_4_bits_and_routers_as_they_are()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        string folder = Repository.Fixture("families", "qwen3_moe");
        using CausalLanguageModel quantized = ModelLoader.Load(folder, CPU, ScalarType.Float32, LoraQuantization.NF4);
        using CausalLanguageModel plain = ModelLoader.Load(folder, CPU, ScalarType.Float32);
        Dictionary<string, Parameter> parameters = plain.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter);
        foreach ((string name, nn.Module module) in quantized.named_modules())
        {
            Assert.False(module is QuantizedLinear && name.EndsWith(".gate", StringComparison.Ordinal), name);
            Assert.False(module is Linear && name.Contains(".experts.", StringComparison.Ordinal), name);
            if (module is QuantizedLinear layer)
            {
                parameters[name + ".weight"].copy_(layer.Copy());
            }
        }

        Tensor ids = new GoldenTensors(Path.Combine(folder, "data.safetensors"))["input_ids"];
        Assert.InRange(Closeness.Largest(quantized.call(ids), plain.call(ids)), 0, 1e-5);
        Assert.Equal(quantized.WeightSize, WeightSize.Of(quantized.Shape, ScalarType.Float32, LoraQuantization.NF4).Held);
    }
}
