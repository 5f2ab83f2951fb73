using Lora.Checkpoints;
using Lora.Models;
using Lora.Training;
using static TorchSharp.torch;

namespace Lora.Tests.Checkpoints;

public sealed class QuantizedCheckpointTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public QuantizedCheckpointTests()
    {
        File.Copy(Repository.Fixture("families", "llama3", "config.json"), folder.File("config.json"));
        SafetensorsWriter.Write(folder.File("model.safetensors"), Enumerable.Range(0, 3).SelectMany(layer => new TensorData[]
        {
            new($"model.layers.{layer}.self_attn.q_proj.weight", TensorDataType.F8E4M3, [32, 32], new byte[1024]),
            new($"model.layers.{layer}.self_attn.q_proj.weight_scale", TensorDataType.F32, [32, 1], new byte[128]),
        }));
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Loading_it_is_refused_once_by_name() => Check(() => ModelLoader.Load(folder.Path, CPU, ScalarType.Float32));

    [Fact]
    public void Training_on_it_is_refused_before_anything_is_loaded() =>
        Check(() => ModelTargets.Resolve(new LoraConfig { TargetModule = ["q_proj"] }, folder.Path, allowUnmatched: false));

    private static void Check(Func<object> load)
    {
        LoraException exception = Assert.Throws<LoraException>(load);
        Assert.Equal(LoraError.QuantizationUnsupported, Assert.Single(exception.Problems).Error);
        Assert.Contains("(FP8, in 3 modules)", exception.Message, StringComparison.Ordinal);
    }
}
