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

    /// <summary>Writes sizes.json and model.safetensors; a tied head is left out.</summary>
    public static void Write(CausalLanguageModel model, DecoderSizes sizes, int contextLength, string folder)
    {
        File.WriteAllText(Path.Combine(folder, "config.json"), JsonSerializer.Serialize(new
        {
            architectures = Architectures,
            model_type = model.Shape.ModelType,
            hidden_size = sizes.HiddenSize,
            intermediate_size = sizes.IntermediateSize,
            num_hidden_layers = sizes.Layers,
            num_attention_heads = sizes.Heads,
            num_key_value_heads = sizes.KeyValueHeads,
            head_dim = sizes.HeadDimension,
            vocab_size = sizes.VocabularySize,
            max_position_embeddings = contextLength,
            rms_norm_eps = sizes.NormEpsilon,
            rope_theta = sizes.Rope!.Theta,
            hidden_act = "silu",
            attention_bias = false,
            mlp_bias = false,
            tie_word_embeddings = sizes.IsTied,
            bos_token_id = 0,
            eos_token_id = 1,
            torch_dtype = "float32",
        }, Indented) + "\n");
        IEnumerable<(string name, Parameter parameter)> stored = model.named_parameters().Where(entry => !sizes.IsTied || entry.name != "lm_head.weight");
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
