using Lora.Models;
using Lora.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

public class WeightArenaTests
{
    [Theory]
    [InlineData("llama3")]
    [InlineData("qwen2")]
    [InlineData("phi3")]
    public void The_joined_matrices_of_a_loaded_model_are_the_layers_own_memory(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using CausalLanguageModel model = ModelLoader.Load(Repository.Fixture("families", family), CPU, ScalarType.Float32);
        Dictionary<string, Parameter> parameters = model.named_parameters().ToDictionary(entry => entry.name, entry => entry.parameter);

        foreach (FusedLayerWeights layer in model.Fused.Layers)
        {
            AssertShared(layer.QueryKeyValue.Values(), layer.QueryKeyValueNames.Select(name => parameters[$"{name}.weight"]));
            AssertShared(layer.GateUp.Values(), layer.GateUpNames.Select(name => parameters[$"{name}.weight"]));
            if (layer.QueryKeyValue.Bias is Tensor bias)
            {
                AssertShared(bias, layer.QueryKeyValueNames.Select(name => parameters[$"{name}.bias"]));
            }
        }
    }

    [Fact]
    public void Tensors_of_different_blocks_are_not_adjacent()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor whole = Arithmetic.Range(0, 12, ScalarType.Float32, CPU).view(6, 2);

        Assert.NotNull(WeightArena.Adjacent([whole.narrow(0, 0, 2), whole.narrow(0, 2, 4)]));
        Assert.Null(WeightArena.Adjacent([whole.narrow(0, 2, 4), whole.narrow(0, 0, 2)]));
        Assert.Null(WeightArena.Adjacent([whole.narrow(0, 0, 2), whole.clone()]));
    }

    [Fact]
    public void A_weight_outlives_the_arena_it_came_from()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor weight;
        using (WeightArena arena = new([("one", [2, 3]), ("one.bias", [2])], ScalarType.Float32, CPU))
        {
            weight = arena["one"].copy_(tensor(3.0));
        }

        Assert.Equal(18, weight.sum().ToDouble());
    }

    private static void AssertShared(Tensor joined, IEnumerable<Tensor> parts)
    {
        nint next = TensorMemory.Address(joined);
        foreach (Tensor part in parts)
        {
            Assert.Equal(next, TensorMemory.Address(part));
            next += (nint)(part.numel() * part.ElementSize);
        }
    }
}
