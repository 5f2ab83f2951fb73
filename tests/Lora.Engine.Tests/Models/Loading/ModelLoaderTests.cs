using Lora.Models;
using Lora.Tests.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Counts live tensors and so runs alone.</summary>
[Collection(nameof(DevicePurityTests))]
public class ModelLoaderTests
{
    [Theory]
    [InlineData("llama3")]
    [InlineData("llama_tied_headdim")]
    [InlineData("qwen3")]
    [InlineData("phi3")]
    [InlineData("gemma")]
    [InlineData("gemma2")]
    public void A_disposed_model_leaves_no_tensor(string family)
    {
        ModelShape shape = ModelConfigReader.Read(Repository.Fixture("families", family));
        long named = LiveTensors.Growth(() => RequiredTensors.Of(shape));
        long made = LiveTensors.Growth(() => new CausalLanguageModel(shape, new RequiredTensors(_ => false), META).Dispose());

        // The names are asked for once and the weights taken once.
        Assert.Equal(named + made, LiveTensors.Growth(() => Load(family)));
    }

    private static void Load(string family)
    {
        using CausalLanguageModel model = ModelLoader.Load(Repository.Fixture("families", family), CPU, ScalarType.Float32);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        model.call(tensor(new long[] { 1, 2, 3 }, [1, 3], device: CPU));
    }
}
