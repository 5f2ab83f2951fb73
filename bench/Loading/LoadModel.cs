using System.Text.Json;
using Lora.Checkpoints;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>Writes the folder of a model of SmolLM-135M's shape, all of its blocks, with random weights.</summary>
internal static class LoadModel
{
    /// <summary>Writes config.json and model.safetensors.</summary>
    /// <param name="folder">An empty folder.</param>
    /// <param name="type">bfloat16 or float32.</param>
    /// <returns>The file of the weights.</returns>
    public static string Write(string folder, ScalarType type)
    {
        string path = Path.Combine(folder, "model.safetensors");
        File.WriteAllText(Path.Combine(folder, "config.json"), JsonSerializer.Serialize(new
        {
            model_type = "llama",
            vocab_size = 49152,
            hidden_size = 576,
            intermediate_size = 1536,
            num_hidden_layers = 30,
            num_attention_heads = 9,
            num_key_value_heads = 3,
            rms_norm_eps = 1e-5,
            rope_theta = 10000,
            tie_word_embeddings = true,
        }));
        using Generator generator = new(1, CPU);
        SafetensorsWriter.Write(path, RequiredTensors.Of(ModelConfigReader.Read(folder)).Select(required => Random(required.Name, required.Shape, type, generator)));
        return path;
    }

    private static TensorData Random(string name, long[] shape, ScalarType type, Generator generator)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = randn(shape, dtype: ScalarType.Float32, device: CPU, generator: generator).mul_(0.02).to(type);
        return new(name, type == ScalarType.BFloat16 ? TensorDataType.BF16 : TensorDataType.F32, shape, values.bytes.ToArray());
    }
}
