using System.Text.Json;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>A reference run's adapter at its end, as PEFT's save_pretrained writes it: configuration as given, and what the test adds to the tensors.</summary>
internal static class PeftAdapter
{
    public static readonly string Model = Repository.Shared("models", "stories260K");

    /// <summary>The adapter of a run on <see cref="Model"/>, under the configuration that PEFT was given.</summary>
    public static LoraAdapter Of(string run, params TensorData[] more)
    {
        string folder = Repository.Shared("golden", run);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
        string json = document.RootElement.GetProperty("lora_config").GetRawText().TrimEnd();
        return new()
        {
            Config = AdapterConfigJson.Parse(json[..^1] + ", \"peft_type\": \"LORA\"}"),
            Tensors =
            [
                .. SafetensorsFile.ReadAll(Path.Combine(folder, "adapter_final.safetensors")).Where(tensor => tensor.Name.StartsWith(PeftKey.Prefix, StringComparison.Ordinal)),
                .. more,
            ],
        };
    }

    /// <summary>What the run ended with: ids of its first step [batch, tokens] and PEFT's logits of them [batch, tokens, vocabulary].</summary>
    public static (Tensor Ids, Tensor Logits) End(string run)
    {
        GoldenTensors data = new(Path.Combine(Repository.Shared("golden", run), "data.safetensors"));
        return (data["input_ids"][0], data["final_logits"]);
    }

    /// <summary>The base's embedding with rows added or its values changed.</summary>
    /// <param name="key">The key that it gets.</param>
    /// <param name="rows">Rows of the table; those that the base lacks are drawn.</param>
    /// <param name="change">What is added to all values.</param>
    public static TensorData Embedding(string key, int rows = 512, double change = 0)
    {
        TensorData own = SafetensorsFile.ReadAll(Path.Combine(Model, "model.safetensors")).Single(tensor => tensor.Name == "model.embed_tokens.weight");
        using Generator generator = new(11, CPU);
        Tensor values = cat([AdapterTensors.Read(own).Plus(change), randn([rows - own.Shape[0], own.Shape[1]], generator: generator)]);
        return AdapterTensors.Copy(key, values);
    }
}
