using System.Text.Json;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Export;
using Lora.Text;
using Lora.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Adapters;

/// <summary>Special tokens that are added to a model: from the training to the adapter's folder, back on the model, and into the merged one.</summary>
public sealed class AddedVocabularyTests : IDisposable
{
    private static readonly string Model = Path.Combine(Repository.Root, "examples", "model");

    private readonly TemporaryFolder files = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        files.Dispose();
    }

    [Fact]
    public void New_tokens_are_trained_saved_with_their_tokenizer_loaded_and_merged()
    {
        Tokenizer before = Tokenizer.Load(Model);
        string rows = files.Write("rows.jsonl", "{\"text\": \"The fox <|tool|> sleeps <|result|> in a den.\"}\n{\"text\": \"<|tool|> The bear <|result|>\"}\n");
        LoraConfig config = new() { Model = Model, TargetModule = ["q_proj"], Rank = 2, NewToken = ["<|tool|>", "<|result|>"] };
        using TrainingSession session = new();

        LoraTrainingResult result = session.Train(config, new(rows), new() { MaxStep = 3, LearningRate = 1e-2, OutputPath = files.File("adapter"), Device = "cpu" });

        // The file: rows of single tokens under PEFT's names, and a tokenizer that has them.
        int first = before.VocabularySize;
        Tokenizer after = Tokenizer.Load(files.File("adapter"));
        Assert.Equal([first, first + 1], after.Encode("<|tool|><|result|>", addSpecialTokens: false));
        Assert.Equal(before.Encode("The fox sleeps."), after.Encode("The fox sleeps."));
        using JsonDocument written = JsonDocument.Parse(File.ReadAllText(files.File("adapter/adapter_config.json")));
        Assert.Contains($"{first}", written.RootElement.GetProperty("trainable_token_indices").GetRawText(), StringComparison.Ordinal);
        LoraAdapter loaded = AdapterFolder.Load(files.File("adapter"));
        Assert.Equal(config.NewToken!, loaded.Config.NewToken!);
        TensorData[] trained = [.. loaded.Tensors.Where(tensor => tensor.Name.EndsWith(TokenLayer.Key, StringComparison.Ordinal))];
        Assert.All(trained, tensor => Assert.Equal(2, tensor.Shape[0]));
        Assert.Equal(trained.Sum(tensor => tensor.Shape[0]), AdapterInspector.Read(files.File("adapter")).TokenCount);

        // It was trained: away from the mean of the embedding that it began at.
        Tensor mean = new GoldenTensors(Path.Combine(Model, "model.safetensors"))["model.embed_tokens.weight"].to(ScalarType.Float32).mean([0]);
        Tensor row = AdapterTensors.Read(trained.Single(tensor => tensor.Name.Contains("embed_tokens", StringComparison.Ordinal)))[0];
        Assert.InRange(Closeness.Largest(row, mean), 1e-4, 0.2);

        // On the model again, in memory and out of the file, and merged: one and the same.
        int[] ids = after.Encode("The <|tool|> fox <|result|>");
        using LoraModel ofFile = LoraModel.Load(Model, loaded, "cpu");
        using LoraModel ofMemory = LoraModel.Load(Model, result.Adapter, "cpu");
        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(loaded, Model, files.File("merged")).Verification.Outcome);
        using LoraModel merged = LoraModel.Load(files.File("merged"), device: "cpu");
        Tensor logits = ofFile.Logits(ids);
        Assert.Equal(ids, ofFile.Tokenizer.Encode("The <|tool|> fox <|result|>"));
        Assert.Equal(ids, merged.Tokenizer.Encode("The <|tool|> fox <|result|>"));
        Assert.Equal(0, Closeness.Largest(ofMemory.Logits(ids), logits));
        Assert.InRange(Closeness.Largest(merged.Logits(ids), logits), 0, 1e-4 * logits.abs().max().ToDouble());
    }

    [Fact]
    public void A_run_goes_on_from_such_an_adapter()
    {
        string rows = files.Write("rows.jsonl", "{\"text\": \"The fox <|tool|> sleeps in a den.\"}\n");
        using TrainingSession session = new();
        TrainingOptions options = new() { MaxStep = 1, LearningRate = 1e-2, OutputPath = files.File("adapter"), Device = "cpu" };
        session.Train(new() { Model = Model, TargetModule = ["q_proj"], Rank = 2, NewToken = ["<|tool|>"] }, new(rows), options);
        LoraAdapter loaded = AdapterFolder.Load(files.File("adapter"));

        LoraTrainingResult result = session.Train(loaded.Config with { Model = Model }, new(rows), options with { OutputPath = files.File("more"), Adapter = loaded });

        Assert.Equal(["<|tool|>"], AdapterFolder.Load(files.File("more")).Config.NewToken!);
        Assert.Equal(loaded.Tensors.Select(tensor => tensor.Name).Order(), result.Adapter!.Tensors.Select(tensor => tensor.Name).Order());
    }

    [Fact]
    public void A_token_that_the_vocabulary_has_is_refused()
    {
        LoraException failure = Assert.Throws<LoraException>(() => AddedVocabulary.Of(new() { NewToken = ["<|end|>"] }, Model));

        Assert.Equal(LoraError.ConfigValueInvalid, failure.Error);
        Assert.Contains("TrainableToken", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_without_a_tokenizer_json_is_refused_before_it_is_trained()
    {
        string model = Directory.CreateDirectory(files.File("older")).FullName;
        foreach (string file in new[] { "config.json", "model.safetensors" })
        {
            File.Copy(Repository.Fixture("families", "gpt2", file), Path.Combine(model, file));
        }

        foreach (string file in new[] { "vocab.json", "merges.txt" })
        {
            File.Copy(Repository.Fixture("vocabularies", "gpt2", file), Path.Combine(model, file));
        }

        LoraException failure = Assert.Throws<LoraException>(() => AddedVocabulary.Of(new() { NewToken = ["<|tool|>"] }, model));

        Assert.Equal(LoraError.ConfigValueInvalid, failure.Error);
        Assert.Contains("a model with tokenizer.json", failure.Message, StringComparison.Ordinal);
    }
}
