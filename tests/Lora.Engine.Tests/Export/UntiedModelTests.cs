using System.Text.Json.Nodes;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Tests.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Export;

/// <summary>An adapter of an embedding or a head that are one weight becomes part of a model in which they are two.</summary>
public sealed class UntiedModelTests : IDisposable
{
    private const double Tolerance = 1e-5; // float32; the product is merged in one and added in the other

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void The_refusal_names_the_way_out() => Assert.Contains(
        "-Untie", Assert.Throws<LoraException>(() => ModelMerge.Write(PeftAdapter.Of("embed"), PeftAdapter.Model, files.File("merged"))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData]
    [InlineData("base_model.model.model.embed_tokens.base_layer.weight", "base_model.model.lm_head.weight")]
    public void An_adapted_embedding_gives_PEFT_s_logits_with_and_without_the_copies_that_PEFT_saves(params string[] copies)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor ids, Tensor logits) = PeftAdapter.End("embed");
        LoraAdapter adapter = PeftAdapter.Of("embed", [.. copies.Select(key => PeftAdapter.Embedding(key))]);

        LoraModelExport export = ModelMerge.Write(adapter, PeftAdapter.Model, files.File("merged"), new() { Untie = true });

        Assert.Equal(copies.Length > 0, export.Note.Length > 0);
        Assert.Equal(LoraExportOutcome.Proven, export.Verification.Outcome);
        Assert.InRange(Closeness.Relative(TrainedAdapter.Logits(files.File("merged"), ids), logits), 0, Tolerance);
        AssertUntied("merged", PeftAdapter.Model);
    }

    [Theory]
    [InlineData("lm_head", false)]
    [InlineData("lm_head", true)]
    [InlineData("embed_tokens", true)]
    public void The_logits_are_those_of_the_adapted_model(string module, bool isWhole)
    {
        using DisposeScope scope = NewDisposeScope();
        string model = Repository.Fixture("families", "llama_tied_headdim");
        Tensor ids = new GoldenTensors(Path.Combine(model, "data.safetensors"))["input_ids"];
        LoraConfig config = new() { Rank = 4, Alpha = 8, TargetModule = isWhole ? ["q_proj"] : [module, "q_proj"], ModulesToSave = isWhole ? [module] : null };
        (LoraAdapter adapter, Tensor adapted) = TrainedAdapter.On(model, config, ids);

        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(adapter, model, files.File("merged"), new() { Untie = true }).Verification.Outcome);

        Assert.InRange(Closeness.Relative(TrainedAdapter.Logits(files.File("merged"), ids), adapted), 0, Tolerance);
        AssertUntied("merged", model);
    }

    [Fact]
    public void The_index_of_a_model_in_shards_tells_where_the_head_is()
    {
        using DisposeScope scope = NewDisposeScope();
        string model = Shards();
        Tensor ids = new GoldenTensors(Path.Combine(Repository.Fixture("families", "llama_tied_headdim"), "data.safetensors"))["input_ids"];
        (LoraAdapter adapter, Tensor adapted) = TrainedAdapter.On(model, new() { Rank = 4, TargetModule = ["lm_head"] }, ids);

        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(adapter, model, files.File("merged"), new() { Untie = true }).Verification.Outcome);

        Assert.InRange(Closeness.Relative(TrainedAdapter.Logits(files.File("merged"), ids), adapted), 0, Tolerance);
        JsonNode index = JsonNode.Parse(File.ReadAllText(files.File("merged/model.safetensors.index.json")))!;
        Assert.Equal("model-00001-of-00002.safetensors", index["weight_map"]!["lm_head.weight"]!.GetValue<string>());
        using Checkpoint merged = Checkpoint.Open(files.File("merged"));
        Assert.Equal(merged.Tensors.Sum(tensor => tensor.Length), index["metadata"]!["total_size"]!.GetValue<long>());
    }

    [Fact]
    public void A_model_whose_head_is_its_own_stays_as_it_is()
    {
        using DisposeScope scope = NewDisposeScope();
        string model = Repository.Fixture("families", "llama3");
        (LoraAdapter adapter, _) = TrainedAdapter.On(model, new() { Rank = 4, TargetModule = ["lm_head"] }, new GoldenTensors(Path.Combine(model, "data.safetensors"))["input_ids"]);

        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(adapter, model, files.File("untied"), new() { Untie = true }).Verification.Outcome);
        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(adapter, model, files.File("plain")).Verification.Outcome);

        Assert.All(Directory.GetFiles(files.File("plain")), file => Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(files.File("untied"), Path.GetFileName(file)))));
    }

    /// <summary>Two weights, and of config.json no other value than the tie.</summary>
    private void AssertUntied(string folder, string model)
    {
        ModuleTree tree = ModuleTree.Read(files.File(folder));
        Assert.Null(tree.Modules.Single(module => module.Name == "lm_head").TiedTo);
        JsonObject before = JsonNode.Parse(File.ReadAllText(Path.Combine(model, "config.json")))!.AsObject();
        before["tie_word_embeddings"] = false;
        Assert.True(JsonNode.DeepEquals(before, JsonNode.Parse(File.ReadAllText(files.File(folder + "/config.json")))));
    }

    /// <summary>A model of two files with an index.</summary>
    private string Shards()
    {
        string source = Repository.Fixture("families", "llama_tied_headdim");
        string model = Directory.CreateDirectory(files.File("model")).FullName;
        File.Copy(Path.Combine(source, "config.json"), Path.Combine(model, "config.json"));
        IReadOnlyList<TensorData> tensors = SafetensorsFile.ReadAll(Path.Combine(source, "model.safetensors"));
        ILookup<int, TensorData> shards = tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal).Index().ToLookup(entry => entry.Index * 2 / tensors.Count + 1, entry => entry.Item);
        JsonObject map = [];
        foreach (IGrouping<int, TensorData> shard in shards)
        {
            string file = $"model-0000{shard.Key}-of-00002.safetensors";
            SafetensorsWriter.Write(Path.Combine(model, file), shard);
            shard.ToList().ForEach(tensor => map[tensor.Name] = file);
        }

        JsonObject index = new() { ["metadata"] = new JsonObject { ["total_size"] = tensors.Sum(tensor => (long)tensor.Bytes.Length) }, ["weight_map"] = map };
        File.WriteAllText(Path.Combine(model, "model.safetensors.index.json"), index.ToJsonString());
        return model;
    }
}
