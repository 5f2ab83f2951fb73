using Lora.Checkpoints;
using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>Loads a language model from a Hugging Face folder.</summary>
internal static class ModelLoader
{
    /// <summary>Reads config.json, checks that the checkpoint fits it, and loads the weights.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="device">Where the weights go.</param>
    /// <param name="dataType">What they are held in.</param>
    /// <param name="quantization">How the matrices of the blocks are held.</param>
    /// <exception cref="LoraException">Any problem of the configuration or the checkpoint, all of them together.</exception>
    public static CausalLanguageModel Load(string folder, Device device, ScalarType dataType, LoraQuantization quantization = LoraQuantization.None)
    {
        DecoderConfig config = DecoderConfigReader.Read(folder);
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        using CheckpointWeights weights = new(checkpoint, RequiredTensors.In(checkpoint, config), device, dataType, quantization);

        // The modules only need the tensors, not their values: both are made at the same time.
        Task reading = Task.Run(weights.Read);
        CausalLanguageModel model = new(config, weights, device); // while the values are being read
        try
        {
            reading.GetAwaiter().GetResult();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
