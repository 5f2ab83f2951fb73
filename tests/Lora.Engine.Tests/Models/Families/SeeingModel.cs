using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Checkpoints;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>A reference run's language model as a part of a model that sees, under the names that such files have.</summary>
internal static class SeeingModel
{
    /// <summary>Writes the model.</summary>
    /// <param name="folder">Its folder, which is there.</param>
    /// <param name="form">The model type and, where there are several, the form of its names.</param>
    public static GoldenFamily Write(string folder, string form)
    {
        string type = form.Split(',')[0];
        GoldenFamily golden = GoldenFamily.Open(type switch { "gemma3" => "gemma2", "smolvlm" => "llama_tied_headdim", "llava" => "llama3", _ => "qwen2" });
        JsonObject text = JsonNode.Parse(File.ReadAllText(Path.Combine(golden.Folder, "config.json")))!.AsObject();
        JsonObject config = [];
        if (form == "qwen2_5_vl, flat")
        {
            config = text.DeepClone().AsObject();
            config["rope_scaling"] = new JsonObject { ["type"] = "mrope", ["mrope_section"] = new JsonArray(1, 1, 2) };
        }
        else
        {
            config["text_config"] = text;
            if (type.StartsWith("qwen", StringComparison.Ordinal))
            {
                text["model_type"] = type + "_text";
                text["rope_scaling"] = new JsonObject { ["rope_type"] = "default", ["mrope_section"] = new JsonArray(1, 1, 2) };
            }
        }

        config["model_type"] = type;
        config["architectures"] = new JsonArray("SomeForConditionalGeneration");
        config["vision_config"] = new JsonObject { ["hidden_size"] = 4 };
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        string[] seeing = form switch
        {
            "llava, whole" => ["model.vision_tower.encoder.layers.0.fc1.weight", "model.multi_modal_projector.linear_1.weight"],
            "qwen2_vl, new names" => ["model.visual.blocks.0.attn.qkv.weight", "model.visual.merger.mlp.0.weight"],
            "smolvlm" => ["model.vision_model.encoder.layers.0.mlp.fc1.weight", "model.connector.modality_projection.proj.weight"],
            _ when type.StartsWith("qwen", StringComparison.Ordinal) => ["visual.blocks.0.attn.qkv.weight", "visual.merger.mlp.0.weight"],
            _ => ["vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight", "multi_modal_projector.mm_input_projection_weight"],
        };
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"),
        [
            .. SafetensorsFile.ReadAll(Path.Combine(golden.Folder, "model.safetensors")).Select(tensor => new TensorData(Name(form, type, tensor.Name), tensor.DataType, tensor.Shape, tensor.Bytes)),
            .. seeing.Select(name => AdapterTensors.Copy(name, ones([4, 4]))),
        ]);
        return golden;
    }

    private static string Name(string form, string type, string name) => form switch
    {
        "llava, whole" or "qwen2_vl, new names" => name.Replace("model.", "model.language_model.", StringComparison.Ordinal),
        "smolvlm" => name.Replace("model.", "model.text_model.", StringComparison.Ordinal),
        _ when type.StartsWith("qwen", StringComparison.Ordinal) => name,
        _ => "language_model." + name,
    };
}
