using System.Text.Json;
using Lora.Export;
using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>Whole runs on small models of other families than the example's, with a tokenizer of single letters.</summary>
public sealed class FamilyTrainingTests : IDisposable
{
    private readonly TemporaryFolder files = new();

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("phi3", "by the fused step")]
    [InlineData("gemma", "by the fused step")]
    [InlineData("gemma2", "by the fused step")]
    [InlineData("gpt_neox", "by the fused step")]
    [InlineData("qwen3_moe", "by autograd: there is no fused step for models of type 'qwen3_moe'")]
    public void A_run_teaches_the_model_and_a_merged_model_has_learned_it(string family, string engine)
    {
        string model = Model(family);
        LoraConfig config = new() { Model = model, Rank = 4, Alpha = 8, TargetPattern = "all-linear" };
        TrainingOptions options = ExampleRun.Options with { MaxStep = 6, LearningRate = 1e-2 };
        TrainingData data = new(Data("train"), Data("validation"));
        RecordingObserver observer = new();
        using TrainingSession session = new();

        LoraTrainingResult trained = session.Train(config, data, options, observer, CancellationToken.None);
        Assert.Equal(LoraExportOutcome.Proven, ModelMerge.Write(trained.Adapter!, model, files.File("merged")).Verification.Outcome);
        LoraTrainingResult merged = session.Train(
            config with { Model = files.File("merged") }, data, options with { MaxStep = 1 }, new RecordingObserver(), CancellationToken.None);

        Assert.Contains(observer.Stages, stage => stage.EndsWith(engine, StringComparison.Ordinal));
        Assert.True(trained.After!.Loss < 0.7 * trained.Before!.Loss, $"{trained.Before.Loss} became {trained.After.Loss}");
        Assert.Equal(trained.After.Loss, merged.Before!.Loss, 1e-5);
    }

    private string Model(string family)
    {
        string folder = Directory.CreateDirectory(files.File(family)).FullName;
        foreach (string name in new[] { "config.json", "model.safetensors" })
        {
            File.Copy(Path.Combine(Repository.Fixture("families", family), name), Path.Combine(folder, name));
        }

        string[] tokens = ["<unk>", "<s>", "</s>", .. " abcdefghijklmnopqrstuvwxyz".Select(letter => letter.ToString())];
        object tokenizer = new
        {
            model = new { type = "BPE", unk_token = "<unk>", vocab = tokens.Select((token, id) => (token, id)).ToDictionary(), merges = Array.Empty<string>() },
        };
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), JsonSerializer.Serialize(tokenizer));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), """{"bos_token": "<s>", "eos_token": "</s>"}""");
        return folder;
    }

    private string Data(string part)
    {
        string[] animals = ["dog", "cat", "fox", "owl", "elk", "hen"];
        return files.Write($"{part}.jsonl", string.Concat(animals.Select(animal => $$"""{"prompt": "the {{animal}} is", "completion": " a {{animal}} as ever"}""" + "\n")));
    }
}
