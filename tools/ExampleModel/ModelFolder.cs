using System.Text.Json;
using Lora.Checkpoints;
using Lora.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Lora.Tools.ExampleModel;

/// <summary>Writes a model as a Hugging Face folder.</summary>
internal static class ModelFolder
{
    private static readonly string[] Architectures = ["LlamaForCausalLM"];
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Writes config.json and model.safetensors; a tied head is left out.</summary>
    public static void Write(CausalLanguageModel model, int contextLength, string folder)
    {
        DecoderConfig config = model.Config;
        File.WriteAllText(Path.Combine(folder, "config.json"), JsonSerializer.Serialize(new
        {
            architectures = Architectures,
            model_type = config.ModelType,
            hidden_size = config.HiddenSize,
            intermediate_size = config.IntermediateSize,
            num_hidden_layers = config.Layers,
            num_attention_heads = config.Heads,
            num_key_value_heads = config.KeyValueHeads,
            head_dim = config.HeadDimension,
            vocab_size = config.VocabularySize,
            max_position_embeddings = contextLength,
            rms_norm_eps = config.NormEpsilon,
            rope_theta = config.Rope.Theta,
            hidden_act = "silu",
            attention_bias = false,
            mlp_bias = false,
            tie_word_embeddings = config.TiedEmbeddings,
            bos_token_id = 0,
            eos_token_id = 1,
            torch_dtype = "float32",
        }, Indented) + "\n");
        IEnumerable<(string name, Parameter parameter)> stored = model.named_parameters().Where(entry => !config.TiedEmbeddings || entry.name != "lm_head.weight");
        SafetensorsWriter.Write(
            Path.Combine(folder, "model.safetensors"),
            stored.Select(entry => new TensorData(entry.name, TensorDataType.F32, entry.parameter.shape, Bytes(entry.parameter))),
            new Dictionary<string, string> { ["format"] = "pt" });
    }

    private static byte[] Bytes(Parameter parameter)
    {
        using Tensor values = parameter.detach();
        return values.bytes.ToArray();
    }
}
