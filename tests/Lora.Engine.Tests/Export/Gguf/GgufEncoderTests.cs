using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Export;
using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Export;

/// <summary>Models with an encoder in llama.cpp, T5 and BERT's classifier: as they are, with the reference run's adapter beside them, and with the adapter in their weights.</summary>
public sealed class GgufEncoderTests : IDisposable
{
    private const double Tolerance = 1e-4;
    private const double TableOfGelu = 5e-3; // see GgufFamilyTests

    private static readonly string Golden = Repository.Shared("families", "t5");

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void T5_is_computed_alike()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        string model = Model();
        LoraAdapter adapter = AdapterFolder.Load(Path.Combine(Golden, "adapter"));
        string whole = files.File("base.gguf"), beside = files.File("adapter.gguf"), merged = files.File("merged.gguf");
        GgufModel.WriteWithTokens(null, model, whole, LoraTensorType.F32, GgufFamilyTests.NoVocabulary);
        GgufAdapter.Save(adapter, model, beside, LoraTensorType.F32);
        LoraModelExport export = GgufModel.WriteWithTokens(adapter, model, merged, LoraTensorType.F32, GgufFamilyTests.NoVocabulary);

        Assert.InRange(export.Verification.LargestDifference!.Value, 0, Tolerance);
        GoldenTensors data = new(Path.Combine(Golden, "data.safetensors"));
        using TaskModel loaded = GoldenTask.Load(model);
        Batch batch = GoldenTask.Batch(data, "", LabelPlace.Own);
        AssertSame(loaded, batch, data, whole, null, Tolerance);
        using AttachedLora attached = LoraModules.Load(loaded, adapter);
        AssertSame(loaded, batch, data, whole, beside, Tolerance);
        AssertSame(loaded, batch, data, merged, null, Tolerance);
    }

    /// <summary>Of an adapter that took its start off the base: the model that is loaded for it is no decoder.</summary>
    [Fact]
    public void An_adapter_of_T5_that_began_with_the_base_s_own_directions_is_computed_alike()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        string model = Model(), whole = files.File("base.gguf"), beside = files.File("adapter.gguf");
        LoraAdapter plain = AdapterFolder.Load(Path.Combine(Golden, "adapter"));
        LoraAdapter adapter = plain.With(plain.Config with { Initialization = "pissa" });
        GgufModel.WriteWithTokens(null, model, whole, LoraTensorType.F32, GgufFamilyTests.NoVocabulary);
        GgufAdapter.Save(adapter, model, beside, LoraTensorType.F32);

        GoldenTensors data = new(Path.Combine(Golden, "data.safetensors"));
        using TaskModel loaded = GoldenTask.Load(model);
        using AttachedLora attached = LoraModules.Load(loaded, adapter);
        AssertSame(loaded, GoldenTask.Batch(data, "", LabelPlace.Own), data, whole, beside, Tolerance);
        Assert.Equal(2 * adapter.Config.Rank, AdapterFile.Load(beside).Config.Rank);
    }

    /// <summary>Flan-T5: gates, and a head of its own.</summary>
    [Fact]
    public void T5_of_version_1_1_is_computed_alike()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        string model = Model(("feed_forward_proj", "gated-gelu"), ("tie_word_embeddings", false)), file = Path.Combine(model, "model.safetensors"), whole = files.File("base.gguf");
        TensorData[] stored = [.. SafetensorsFile.ReadAll(file)];
        SafetensorsWriter.Write(file,
        [
            .. stored.Select(tensor => tensor with { Name = tensor.Name.Replace(".wi.", ".wi_0.", StringComparison.Ordinal) }),
            .. stored.Where(tensor => tensor.Name.Contains(".wi.", StringComparison.Ordinal)).Select(tensor => AdapterTensors.Copy(tensor.Name.Replace(".wi.", ".wi_1.", StringComparison.Ordinal), AdapterTensors.Read(tensor).flip(0))),
            AdapterTensors.Copy("lm_head.weight", AdapterTensors.Read(stored.Single(tensor => tensor.Name == "shared.weight")).flip(0)),
        ]);
        GgufModel.WriteWithTokens(null, model, whole, LoraTensorType.F32, GgufFamilyTests.NoVocabulary);

        GoldenTensors data = new(Path.Combine(Golden, "data.safetensors"));
        using TaskModel loaded = GoldenTask.Load(model);
        Batch batch = GoldenTask.Batch(data, "", LabelPlace.Own);
        AssertSame(loaded, batch, data, whole, null, TableOfGelu);

        string quiet = QuietMlps.Write(model, files), close = files.File("quiet.gguf");
        GgufModel.WriteWithTokens(null, quiet, close, LoraTensorType.F32, GgufFamilyTests.NoVocabulary);
        using TaskModel quieted = GoldenTask.Load(quiet);
        AssertSame(quieted, batch, data, close, null, Tolerance);
    }

    [Fact]
    public void A_bias_that_ends_at_another_distance_is_refused() => Assert.Contains(
        "relative_attention_max_distance",
        Assert.Throws<LoraException>(() => GgufModel.WriteWithTokens(null, Golden, files.File("x.gguf"), LoraTensorType.F32, GgufFamilyTests.NoVocabulary)).Message,
        StringComparison.Ordinal);

    [Fact]
    public void BERT_s_classifier_is_computed_alike_with_the_classifier_that_an_adapter_brings()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        string model = Repository.Shared("families", "bert_seqcls"), whole = files.File("base.gguf"), merged = files.File("merged.gguf");
        LoraAdapter adapter = AdapterFolder.Load(Path.Combine(model, "adapter"));
        GgufModel.WriteWithTokens(null, model, whole, LoraTensorType.F32, GgufFamilyTests.NoVocabulary);
        GgufModel.WriteWithTokens(adapter, model, merged, LoraTensorType.F32, GgufFamilyTests.NoVocabulary);

        Tensor ids = new GoldenTensors(Path.Combine(model, "data.safetensors"))["input_ids"];
        using TaskModel loaded = GoldenTask.Load(model);
        AssertSameLabels(loaded, ids, whole, TableOfGelu);
        using AttachedLora attached = LoraModules.Load(loaded, adapter.With(adapter.Config with { ModulesToSave = ["classifier"] })); // PEFT writes names of other families too
        AssertSameLabels(loaded, ids, merged, TableOfGelu);

        string quiet = QuietMlps.Write(model, files), close = files.File("quiet.gguf");
        GgufModel.WriteWithTokens(null, quiet, close, LoraTensorType.F32, GgufFamilyTests.NoVocabulary);
        using TaskModel quieted = GoldenTask.Load(quiet);
        AssertSameLabels(quieted, ids, close, Tolerance);
    }

    [Theory]
    [InlineData("bert_mlm", "no head for hidden tokens")]
    [InlineData("roberta_mlm", "models of type 'roberta' are not written")]
    [InlineData("distilbert_mlm", "models of type 'distilbert' are not written")]
    public void Other_encoders_are_refused_by_name(string family, string reason) => Assert.Contains(
        reason,
        Assert.Throws<LoraException>(() => GgufModel.WriteWithTokens(null, Repository.Shared("families", family), files.File("x.gguf"), LoraTensorType.F32, GgufFamilyTests.NoVocabulary)).Message,
        StringComparison.Ordinal);

    private static void AssertSameLabels(TaskModel loaded, Tensor ids, string model, double tolerance)
    {
        Tensor expected = loaded.call(ids).select(1, 0); // [rows, labels], of the first token
        using LlamaClient client = LlamaClient.Open(model, classifies: true);
        for (int row = 0; row < ids.shape[0]; row++)
        {
            float[] given = client.Labels([.. ids[row].data<long>().Select(id => (int)id)], (int)expected.shape[1]);
            Assert.InRange(Closeness.Largest(tensor(given), expected[row]), 0, tolerance);
            Assert.Equal(expected[row].argmax().ToInt64(), Array.IndexOf(given, given.Max()));
        }
    }

    private static void AssertSame(TaskModel loaded, Batch batch, GoldenTensors data, string model, string? adapter, double tolerance)
    {
        Tensor expected = loaded.Head(loaded.Hidden(batch)); // [rows, labels, vocabulary]
        using LlamaClient client = LlamaClient.Open(model, adapter);
        for (int row = 0; row < expected.shape[0]; row++)
        {
            int[] read = Ids(data["input_ids"]), said = [0, .. Ids(data["labels"])[..^1]];
            Tensor given = stack([.. client.Logits(said, read).Select(values => tensor(values))]);
            Assert.InRange(Closeness.Largest(given, expected[row]), 0, tolerance);
            if (tolerance == Tolerance)
            {
                Assert.Equal(expected[row].argmax(-1).data<long>().ToArray(), given.argmax(-1).data<long>().ToArray());
            }

            int[] Ids(Tensor rows) => [.. rows[row].data<long>().Select(id => (int)id)];
        }
    }

    /// <summary>The reference run's model with the distance that llama.cpp has, and other changes of its configuration.</summary>
    private string Model(params (string Key, JsonNode Value)[] changes)
    {
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(Golden, "config.json")))!.AsObject();
        foreach ((string key, JsonNode value) in changes.Append(("relative_attention_max_distance", 128)))
        {
            config[key] = value;
        }

        string folder = Directory.CreateDirectory(files.File("model")).FullName;
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        File.Copy(Path.Combine(Golden, "model.safetensors"), Path.Combine(folder, "model.safetensors"));
        return folder;
    }
}
