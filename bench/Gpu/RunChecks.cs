using Lora.Training;

namespace Lora.Bench;

/// <summary>Whole trainings of the examples' model, as a user has them: loaded, planned, rehearsed, trained, evaluated and asked.</summary>
internal static class RunChecks
{
    private const int Steps = 6;

    private static string Validation => Repository.Path("examples", "data", "animal-notes.validation.jsonl");

    /// <summary>Runs all of them.</summary>
    public static void Run(Findings findings)
    {
        findings.Try("a run against the processor's", () =>
        {
            LoraTrainingResult expected = Train("cpu", new() { DataType = TrainingDataType.Float32 }, Validation);
            LoraTrainingResult found = findings.IsCard ? Train("auto", new() { DataType = TrainingDataType.Float32 }, Validation) : expected;
            findings.Tell("device of the run", found.Device);
            findings.Check("the run is on the card", !findings.IsCard || found.Device.StartsWith("cuda", StringComparison.OrdinalIgnoreCase), $"it was on {found.Device}");
            findings.Check("steps of the two runs", found.History.Length == Steps && expected.History.Length == Steps, $"{found.History.Length} and {expected.History.Length} and not {Steps}");
            findings.Check("losses of its steps", found.History.Zip(expected.History, (left, right) => Math.Abs(left.Loss - right.Loss) / right.Loss).Max(), 1e-3);
            findings.Check("loss on the validation rows", Math.Abs(found.After!.Loss - expected.After!.Loss) / expected.After.Loss, 1e-3);
            findings.Check("what the adapted model says", found.Sample[0].Adapted == expected.Sample[0].Adapted, $"'{found.Sample[0].Adapted}' and not '{expected.Sample[0].Adapted}'");
        });
        findings.Try("a run in NF4 with dropout", () => Falls("a run in NF4 with dropout", new() { Quantization = LoraQuantization.NF4 }, dropout: 0.1));
        if (findings.IsCard)
        {
            findings.Try("a run in the usual dtype", () => Falls("a run in the usual dtype", new()));
            findings.Try("a run by DoRA", () => Falls("a run by DoRA", new(), useDora: true));
        }

        void Falls(string what, TrainingOptions options, double dropout = 0, bool useDora = false)
        {
            LoraTrainingResult found = Train("auto", options, validation: null, dropout, useDora);
            findings.Check($"{what}, its last loss over its first", found.History[^1].Loss / found.History[0].Loss, 0.9);
            findings.Check($"{what}, failures", found.Failure.Length == 0, string.Join(' ', found.Failure));
        }
    }

    private static LoraTrainingResult Train(string device, TrainingOptions options, string? validation, double dropout = 0, bool useDora = false)
    {
        LoraConfig config = new() { Model = Repository.Path("examples", "model"), Rank = 8, TargetPattern = "all-linear", Dropout = dropout, UseDora = useDora };
        TrainingData data = new(Repository.Path("examples", "data", "animal-notes.train.jsonl"), validation);
        using TrainingSession session = new();
        return session.Train(
            config, data, options with { Device = device, MaxStep = Steps, WarmupStep = 1, LearningRate = 1e-2, Prompt = ["Tell me about the fox."], PromptToken = 12 });
    }
}
