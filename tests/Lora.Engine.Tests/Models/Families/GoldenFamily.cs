using System.Text.Json;
using Lora.Adapters;
using Lora.Data;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>The reference run of a family: transformers' numbers and PEFT's, and how near one is to come to them.</summary>
internal sealed class GoldenFamily
{
    /// <summary>What stands before the names of the set whose rows are padded on the right.</summary>
    public const string Padded = "masked.";

    private GoldenFamily(string folder)
    {
        Folder = folder;
        Tolerance = GoldenTolerance.Read(folder);
        Data = new(Path.Combine(folder, "data.safetensors"));
    }

    public string Folder { get; }

    public GoldenTolerance Tolerance { get; }

    /// <summary>What the model gave: one set of rows, and with the prefix <see cref="Padded"/> another.</summary>
    public GoldenTensors Data { get; }

    /// <summary>Opens the run of a name; the test is skipped where it is neither among the fixtures nor beside the repository.</summary>
    public static GoldenFamily Open(string name) => new(FolderOf(name));

    /// <inheritdoc cref="Open"/>
    public static string FolderOf(string name) =>
        Directory.Exists(Repository.Fixture("families", name)) ? Repository.Fixture("families", name) : Repository.Shared("families", name);

    /// <summary>The model in float32, in evaluation.</summary>
    public CausalLanguageModel Load() => ModelLoader.Load(Folder, CPU, ScalarType.Float32);

    /// <summary>A set's rows.</summary>
    public Batch Batch(string set) => GoldenBatch.Of(Data[set + "input_ids"], Data[set + "labels"]);

    /// <summary>The summed loss of a set, in nats, and the supervised places that it is taken over.</summary>
    public (double Sum, int Count) Loss(CausalLanguageModel model, string set)
    {
        Batch batch = Batch(set);
        SupervisedRows rows = SupervisedRows.Of(batch);
        return (rows.SumLoss(model, batch).ToDouble(), rows.Count);
    }

    /// <summary>The run's adapter: PEFT's tensors, and with it the logits, losses and gradients.</summary>
    public GoldenTensors Lora() => new(Path.Combine(Folder, "lora.safetensors"));

    /// <summary>Puts the run's adapter on the model.</summary>
    public AttachedAdapter Attach(CausalLanguageModel model)
    {
        using JsonDocument run = JsonDocument.Parse(File.ReadAllText(Path.Combine(Folder, "run.json")));
        return GoldenAdapter.Attach(model, run.RootElement.GetProperty("lora_config"), Lora());
    }
}

/// <summary>Ten times the noise of the reference run itself; not to be loosened: a wrong epsilon often moves logits by no more than 2e-4.</summary>
/// <param name="Logits">The largest difference of a logit, and of a hidden state that is not larger than logits are.</param>
/// <param name="AdaptedLogits">The same with the adapter.</param>
/// <param name="Loss">Of the loss.</param>
/// <param name="Gradient">Of a gradient, relative to the largest one of its tensor.</param>
internal sealed record GoldenTolerance(double Logits, double AdaptedLogits, double Loss, double Gradient)
{
    public static GoldenTolerance Read(string folder)
    {
        using JsonDocument run = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "run.json")));
        JsonElement tolerance = run.RootElement.GetProperty("suggested_tolerance");
        return new(Value("logits_abs"), Value("lora_logits_abs"), Value("loss_abs"), Value("grad_rel_to_tensor_max"));

        double Value(string name) => tolerance.TryGetProperty(name, out JsonElement value) ? value.GetDouble() : double.NaN;
    }
}
