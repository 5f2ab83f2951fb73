using System.Text.Json.Nodes;

namespace Lora.Tests.Training;

/// <summary>How long rows are on a model that was made for 16 tokens.</summary>
public sealed class RowLengthTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly RecordingObserver observer = new();

    public RowLengthTests()
    {
        Array.ForEach(Directory.GetFiles(ExampleRun.Model), file => File.Copy(file, folder.File(Path.GetFileName(file))));
        JsonObject config = JsonNode.Parse(File.ReadAllText(folder.File("config.json")))!.AsObject();
        config["max_position_embeddings"] = 16;
        folder.Write("config.json", config.ToJsonString());
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Without_a_length_they_have_what_the_model_was_made_for_and_that_is_said()
    {
        Train(null);
        Assert.Contains("Rows have 16 tokens at the most, as many as the model was made for", observer.Stages);
        Assert.Contains(observer.Warnings, warning => warning.Contains("longer than 16 tokens and cut", StringComparison.Ordinal));
    }

    [Fact]
    public void A_length_that_was_given_holds_and_rows_beyond_the_model_are_warned_of()
    {
        Train(20);
        Assert.DoesNotContain(observer.Stages, stage => stage.StartsWith("Rows have", StringComparison.Ordinal));
        Assert.Contains(observer.Warnings, warning => warning.Contains("longer than 20 tokens and cut", StringComparison.Ordinal));
        Assert.Contains(observer.Warnings, warning => warning.Contains("more than the 16 tokens that the model was made for", StringComparison.Ordinal));
    }

    private void Train(int? length) =>
        ExampleRun.Train(ExampleRun.Config with { Model = folder.Path }, ExampleRun.Options with { MaxStep = 1, MaxLength = length }, observer);
}
