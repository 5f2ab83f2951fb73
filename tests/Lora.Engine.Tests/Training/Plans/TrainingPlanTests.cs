using Lora.Models;
using Lora.Training;

namespace Lora.Tests.Training;

public class TrainingPlanTests
{
    [Fact]
    public void All_problems_of_a_run_are_reported_together_before_any_work()
    {
        using TemporaryFolder folder = new();
        folder.Write("adapter_config.json", "{}");
        LoraException exception = Failure(
            ExampleRun.Config with { TargetModule = ["q_porj"] },
            new TrainingData(folder.File("absent.jsonl")),
            ExampleRun.Options with { BatchSize = 0, OutputPath = folder.Path });

        Assert.Equal(
            [LoraError.ConfigValueInvalid, LoraError.PathNotFound, LoraError.OutputExists, LoraError.TargetNotFound],
            exception.Problems.Select(problem => problem.Error));
        Assert.Contains("q_proj", exception.Problems[^1].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("file", LoraError.OutputFailed)]
    [InlineData("file/adapter", LoraError.OutputFailed)]
    [InlineData("", LoraError.ConfigValueInvalid)]
    public void A_destination_that_cannot_be_written_is_found_before_any_work(string path, LoraError expected)
    {
        using TemporaryFolder folder = new();
        folder.Write("file", "in the way");
        TrainingOptions options = ExampleRun.Options with { OutputPath = path.Length == 0 ? path : folder.File(path) };

        Assert.Equal(expected, Failure(ExampleRun.Config, ExampleRun.Data, options).Error);
        Assert.Single(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_destination_that_was_tried_is_not_there_afterwards()
    {
        using TemporaryFolder folder = new();
        TrainingPlan.Make(ExampleRun.Config, ExampleRun.Data, ExampleRun.Options with { OutputPath = folder.File("a/b") });
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_configuration_without_a_model_is_refused() =>
        Assert.Equal(LoraError.ModelNotKnown, Failure(ExampleRun.Config with { Model = null }, ExampleRun.Data, ExampleRun.Options).Error);

    [Fact]
    public void A_model_without_configuration_is_refused()
    {
        using TemporaryFolder folder = new();
        File.Copy(Path.Combine(ExampleRun.Model, "model.safetensors"), folder.File("model.safetensors"));
        Assert.Equal(LoraError.ConfigMissing, Failure(ExampleRun.Config with { Model = folder.Path }, ExampleRun.Data, ExampleRun.Options).Error);
    }

    [Fact]
    public void An_unknown_model_type_is_refused_with_the_known_ones()
    {
        using TemporaryFolder folder = new();
        folder.Write("config.json", """{"model_type": "gemma4"}""");
        LoraException exception = Failure(ExampleRun.Config with { Model = folder.Path }, ExampleRun.Data, ExampleRun.Options);
        Assert.Equal(LoraError.ModelTypeUnknown, exception.Error);
        Assert.Contains("'gemma4'", exception.Message, StringComparison.Ordinal);
        Assert.All(KnownFamilies.All, family => Assert.Contains(family.ModelType, exception.Message, StringComparison.Ordinal));
        Assert.Contains("nearest by name: gemma, gemma2, gemma3", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Modules_that_were_listed_from_one_file_train_on_the_folder_of_the_file()
    {
        string file = Path.Combine(ExampleRun.Model, "model.safetensors");
        TrainingPlan plan = TrainingPlan.Make(ExampleRun.Config with { Model = file }, ExampleRun.Data, ExampleRun.Options);
        Assert.Equal(ExampleRun.Model, plan.Folder);
    }

    [Fact]
    public void An_adapter_of_another_rank_is_refused_before_anything_is_loaded()
    {
        LoraAdapter adapter = ExampleRun.Train(ExampleRun.Config, ExampleRun.Options with { MaxStep = 1 }).Adapter!;
        LoraException exception = Failure(ExampleRun.Config with { Rank = 2 }, ExampleRun.Data, ExampleRun.Options with { Adapter = adapter });

        Assert.Equal(LoraError.AdapterWeightsInvalid, exception.Error);
        Assert.Contains("the rank is 4, and 2 in the configuration", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Training_goes_on_from_one_adapter_only() => Assert.Equal(
        LoraError.ConfigConflict,
        Failure(ExampleRun.Config, ExampleRun.Data, ExampleRun.Options with { Adapter = new(), AdapterPath = "adapter" }).Error);

    [Fact]
    public void An_adapter_s_own_initialisation_counts_and_one_that_was_not_converted_is_warned_of()
    {
        LoraAdapter adapter = new() { Config = ExampleRun.Config with { Initialization = "pissa" } };
        TrainingPlan plan = TrainingPlan.Make(ExampleRun.Config, ExampleRun.Data, ExampleRun.Options with { Adapter = adapter });

        Assert.Equal("pissa", plan.Config.Initialization);
        Assert.Contains("'pissa'", Assert.Single(plan.Warnings), StringComparison.Ordinal);
    }

    private static LoraException Failure(LoraConfig config, TrainingData data, TrainingOptions options) =>
        Assert.Throws<LoraException>(() => TrainingPlan.Make(config, data, options));
}
