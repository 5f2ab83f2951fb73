using Lora.Training;

namespace Lora.Tests.Training;

/// <summary>Runs on the example model and its data, which are part of the repository.</summary>
internal static class ExampleRun
{
    public static string Model { get; } = Path.Combine(Repository.Root, "examples", "model");

    public static TrainingData Data { get; } = new(DataFile("train"), DataFile("validation"));

    /// <summary>Four steps of two rows, on q_proj and down_proj of all layers.</summary>
    public static TrainingOptions Options { get; } = new() { MaxStep = 4, BatchSize = 2, LearningRate = 5e-3, Schedule = TrainingSchedule.Constant, WarmupStep = 0 };

    public static LoraConfig Config { get; } = new() { Model = Model, Rank = 4, Alpha = 8, TargetModule = ["q_proj", "down_proj"] };

    public static string DataFile(string part) => Path.Combine(Repository.Root, "examples", "data", $"animal-notes.{part}.jsonl");

    public static LoraTrainingResult Train(LoraConfig config, TrainingOptions options, ITrainingObserver? observer = null, CancellationToken cancellation = default)
    {
        using TrainingSession session = new();
        return session.Train(config, Data, options, observer ?? new RecordingObserver(), cancellation);
    }

    /// <summary>The bytes of every tensor of an adapter, in the order of the names.</summary>
    public static IEnumerable<(string Name, string Bytes)> Values(LoraAdapter adapter) =>
        adapter.Tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal).Select(tensor => (tensor.Name, Convert.ToHexString(tensor.Bytes.Span)));
}
