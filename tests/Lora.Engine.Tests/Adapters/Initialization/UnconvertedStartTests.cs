using System.Text.Json;
using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>Adapters that PEFT saved with an initialisation that had changed the base.</summary>
public class UnconvertedStartTests
{
    // Of the logits. The start is found again by a decomposition of this library, not by that of the run.
    private const double Tolerance = 1e-4;

    [Theory]
    [InlineData("pissa")]
    [InlineData("olora")]
    public void A_folder_that_PEFT_wrote_without_converting_does_on_the_base_what_it_did_when_it_was_trained(string name)
    {
        string run = Repository.Shared("golden", name);
        using TemporaryFolder folder = new();
        WriteFolder(run, folder);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        GoldenTensors data = new(Path.Combine(run, "data.safetensors"));
        using CausalLanguageModel model = ModelLoader.Load(Repository.Shared("models", "stories260K"), CPU, ScalarType.Float32);
        LoraAdapter stored = AdapterFolder.Load(folder.Path);

        using AttachedLora attached = LoraModules.Load(model, stored);

        Assert.InRange(Closeness.Relative(model.call(data["input_ids"][0]), data["final_logits"]), 0, Tolerance);
        string warning = UnconvertedStart.Warning(stored)!;
        Assert.Contains($"'{name}'", warning, StringComparison.Ordinal);
        Assert.Null(UnconvertedStart.Warning(attached.ToAdapter()));
    }

    [Theory]
    [InlineData("true", null)]
    [InlineData("gaussian", null)]
    [InlineData("olora", ": its start is taken off")]
    [InlineData("pissa_niter_4", "drawn at random")]
    public void A_warning_says_what_is_taken_off_the_base(string initialization, string? said)
    {
        string? warning = UnconvertedStart.Warning(new() { Config = new() { Initialization = initialization } });

        Assert.Equal(said is null, warning is null);
        Assert.Contains(said ?? "", warning ?? "", StringComparison.Ordinal);
    }

    /// <summary>Writes the run's last adapter as the folder that PEFT would have saved.</summary>
    private static void WriteFolder(string run, TemporaryFolder folder)
    {
        JsonObject root = JsonNode.Parse(File.ReadAllText(Path.Combine(run, "run.json")))!.AsObject();
        JsonObject config = root["lora_config"]!.DeepClone().AsObject();
        config["peft_type"] = "LORA";
        folder.Write(AdapterConfigJson.FileName, config.ToJsonString(new JsonSerializerOptions()));
        TensorData[] tensors = [.. SafetensorsFile.ReadAll(Path.Combine(run, "adapter_final.safetensors"))
            .Where(tensor => tensor.Name.StartsWith(PeftKey.Prefix, StringComparison.Ordinal))];
        SafetensorsWriter.Write(folder.File(AdapterFolder.WeightsName), tensors, new Dictionary<string, string> { ["format"] = "pt" });
    }
}
