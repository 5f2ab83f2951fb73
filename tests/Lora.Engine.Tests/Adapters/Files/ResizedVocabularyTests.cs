using System.Text.Json.Nodes;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>Adapters of models whose vocabulary was enlarged, for which PEFT saves the embedding and the head whole.</summary>
public sealed class ResizedVocabularyTests : IDisposable
{
    private const int Rows = 516;
    private const string Table = "base_model.model.model.embed_tokens.weight";
    private const string Head = "base_model.model.lm_head.weight";

    // The same sums in the same order, but for the product, which is merged in one and added in the other.
    private const double Tolerance = 1e-5;

    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void The_sizes_and_the_way_out_are_named()
    {
        LoraException exception = Assert.Throws<LoraException>(() => FittedAdapter.Of(Enlarged("base"), PeftAdapter.Model, resizes: false));

        Assert.Equal(LoraError.VocabularyResized, exception.Error);
        Assert.Contains("from 512 to 516", exception.Message, StringComparison.Ordinal);
        Assert.Contains("-ResizeVocabulary", exception.Problems[0].Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("base")]
    [InlineData("save")]
    public void The_model_is_enlarged_when_it_is_loaded_and_when_it_is_written(string run)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        (Tensor ids, Tensor peft) = PeftAdapter.End(run);
        ids = ids.clone();
        ids[0, 3] = tensor(Rows - 1L); // a token that the base does not have
        WriteEnlarged();
        Tensor expected = Logits(files.File("enlarged"), PeftAdapter.Of(run), ids, resizes: false);

        Tensor loaded = Logits(PeftAdapter.Model, Enlarged(run), ids, resizes: true);
        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(Enlarged(run), PeftAdapter.Model, files.File("merged"), new() { ResizeVocabulary = true }).Verification.Outcome);
        Tensor merged = Logits(files.File("merged"), null, ids, resizes: false);

        Assert.Equal(Rows, loaded.shape[2]);
        Assert.Equal(0, Closeness.Largest(loaded, expected));
        Assert.InRange(Closeness.Relative(merged, expected), 0, Tolerance);

        // Up to the new token, what PEFT computed with the vocabulary that there was.
        Assert.InRange(Closeness.Relative(loaded[0, ..3, ..512], peft[0, ..3]), 0, Tolerance);
        JsonObject config = JsonNode.Parse(File.ReadAllText(files.File("merged/config.json")))!.AsObject();
        Assert.Equal((Rows, true), (config["vocab_size"]!.GetValue<int>(), config["tie_word_embeddings"]!.GetValue<bool>()));
    }

    [Fact]
    public void An_embedding_that_is_adapted_over_the_enlarged_table_is_merged_into_it()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        (Tensor ids, _) = PeftAdapter.End("embed");
        ids = ids.clone();
        ids[0, 3] = tensor(Rows - 1L);
        WriteEnlarged();
        LoraAdapter adapter = Over("embed");
        LoraAdapter withTable = new() { Config = adapter.Config, Tensors = [.. adapter.Tensors, PeftAdapter.Embedding("base_model.model.model.embed_tokens.base_layer.weight", Rows)] };
        Tensor expected = Logits(files.File("enlarged"), adapter, ids, resizes: false);

        Tensor loaded = Logits(PeftAdapter.Model, withTable, ids, resizes: true);
        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(withTable, PeftAdapter.Model, files.File("merged"), new() { ResizeVocabulary = true, Untie = true }).Verification.Outcome);
        Tensor merged = Logits(files.File("merged"), null, ids, resizes: false);

        Assert.Equal(0, Closeness.Largest(loaded, expected));
        Assert.InRange(Closeness.Relative(merged, expected), 0, Tolerance);
    }

    [Fact]
    public void Tables_that_were_trained_whole_or_adapted_count_too()
    {
        LoraAdapter whole = Enlarged("base");
        LoraAdapter saved = new() { Config = whole.Config with { ModulesToSave = ["embed_tokens"] }, Tensors = [.. whole.Tensors.Where(tensor => tensor.Name != Head)] };

        FittedAdapter fitted = FittedAdapter.Of(saved, PeftAdapter.Model, resizes: true);

        Assert.Equal((512, Rows), (fitted.Vocabulary!.From, fitted.Vocabulary.Size));
        Assert.Contains(fitted.Adapter.Tensors, tensor => tensor.Name == Table);
        Assert.Empty(fitted.Carried);
    }

    [Fact]
    public void A_head_that_differs_from_the_embedding_does_not_go_onto_a_model_that_ties_them()
    {
        LoraAdapter adapter = PeftAdapter.Of("base", PeftAdapter.Embedding(Table, Rows), PeftAdapter.Embedding(Head, Rows, change: 1));

        Assert.Contains("one weight for both", Assert.Throws<LoraException>(() => FittedAdapter.Of(adapter, PeftAdapter.Model, resizes: true)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tables_that_cannot_be_are_named()
    {
        TensorData table = PeftAdapter.Embedding(Table, Rows);
        TensorData whole = new(Table, TensorDataType.I32, table.Shape, table.Bytes);
        TensorData scalar = new(Head, TensorDataType.F32, [], new byte[4]);

        Assert.Contains("has the dtype I32", Refusal(whole), StringComparison.Ordinal);
        Assert.Contains(Head, Refusal(scalar), StringComparison.Ordinal);
        Assert.Contains("it is a weight of the base model and has the shape []", Refusal(scalar), StringComparison.Ordinal);

        static string Refusal(TensorData tensor) =>
            Assert.Throws<LoraException>(() => FittedAdapter.Of(PeftAdapter.Of("base", tensor), PeftAdapter.Model, resizes: true)).Message;
    }

    [Fact]
    public void Training_goes_on_with_it_and_the_new_adapter_has_it_too()
    {
        string model = Path.Combine(Repository.Root, "examples", "model");
        LoraAdapter first = Train(model, null);
        TensorData own = SafetensorsFile.ReadAll(Path.Combine(model, "model.safetensors")).Single(tensor => tensor.Name == "model.embed_tokens.weight");
        TensorData table = Grown(own, Table);
        LoraAdapter enlarged = new() { Config = first.Config, Tensors = [.. first.Tensors, table] };

        LoraAdapter second = Train(model, enlarged);

        Assert.Equal(table.Bytes.ToArray(), second.Tensors.Single(tensor => tensor.Name == Table).Bytes.ToArray());
        Assert.Equal(first.Tensors.Count + 1, second.Tensors.Count);
    }

    private static LoraAdapter Train(string model, LoraAdapter? start)
    {
        using TrainingSession session = new();
        LoraConfig config = start?.Config ?? new() { Model = model, Rank = 2, TargetModule = ["q_proj"] };
        string rows = Path.Combine(Repository.Root, "examples", "data", "animal-notes.train.jsonl");
        return session.Train(config, new(rows), new() { MaxStep = 1, Adapter = start, ResizeVocabulary = start is not null }).Adapter!;
    }

    private static TensorData Grown(TensorData own, string key)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor values = AdapterTensors.Read(own).to(ScalarType.Float32);
        return AdapterTensors.Copy(key, cat([values, values[..4]]));
    }

    private static LoraAdapter Enlarged(string run) => PeftAdapter.Of(run, PeftAdapter.Embedding(Table, Rows), PeftAdapter.Embedding(Head, Rows));

    /// <summary>The adapter of a run whose embedding has the columns of the new rows too.</summary>
    private static LoraAdapter Over(string run)
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(5, CPU);
        LoraAdapter adapter = PeftAdapter.Of(run);
        return new()
        {
            Config = adapter.Config,
            Tensors = [.. adapter.Tensors.Select(tensor => !tensor.Name.EndsWith("lora_embedding_A", StringComparison.Ordinal) ? tensor
                : AdapterTensors.Copy(tensor.Name, cat([AdapterTensors.Read(tensor), randn([tensor.Shape[0], Rows - tensor.Shape[1]], generator: generator)], 1)))],
        };
    }

    private static Tensor Logits(string model, LoraAdapter? adapter, Tensor ids, bool resizes)
    {
        using LoraModel loaded = LoraModel.Load(model, adapter, "cpu", resizeVocabulary: resizes);
        return loaded.Module.call(ids);
    }

    /// <summary>The base model with the enlarged table in its own files.</summary>
    private void WriteEnlarged()
    {
        Directory.CreateDirectory(files.File("enlarged"));
        foreach (string file in Directory.GetFiles(PeftAdapter.Model).Where(file => !file.EndsWith(".safetensors", StringComparison.Ordinal)))
        {
            File.Copy(file, files.File(Path.Combine("enlarged", Path.GetFileName(file))));
        }

        JsonObject config = JsonNode.Parse(File.ReadAllText(files.File("enlarged/config.json")))!.AsObject();
        config["vocab_size"] = Rows;
        files.Write("enlarged/config.json", config.ToJsonString());
        IEnumerable<TensorData> kept = SafetensorsFile.ReadAll(Path.Combine(PeftAdapter.Model, "model.safetensors")).Where(tensor => tensor.Name != "model.embed_tokens.weight");
        SafetensorsWriter.Write(files.File("enlarged/model.safetensors"), [.. kept, PeftAdapter.Embedding("model.embed_tokens.weight", Rows)]);
    }
}
