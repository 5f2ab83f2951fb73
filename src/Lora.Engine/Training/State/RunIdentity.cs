using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Lora.Adapters;
using Lora.Checkpoints;
using Lora.Data;
using Lora.Text;

namespace Lora.Training;

/// <summary>Everything that has to be the same for a run to go on as if it had not been interrupted, by name.</summary>
internal static class RunIdentity
{
    /// <summary>The dtype that a run computes in, which is known when its device is.</summary>
    public const string ComputedDataType = "Computed dtype";

    /// <summary>The kind of the device: processors and GPUs round otherwise, so that a run that changed between them would have no run's bits.</summary>
    public const string ComputedDevice = "Computed device";

    /// <summary>The time that the chat template writes into conversations, which is that of the run's beginning; it is there where the template writes one.</summary>
    public const string Clock = "Clock";

    /// <summary>Options that a run may be gone on with other values of, each with the reason; all others are part of what it is.</summary>
    public static IReadOnlyDictionary<string, string> Free { get; } = new Dictionary<string, string>
    {
        [nameof(TrainingOptions.Device)] = "a run may go on on another device of the kind that it was begun on, in the same dtype; both are compared when the device is known",
        [nameof(TrainingOptions.KeepFreedMemory)] = "time alone",
        [nameof(TrainingOptions.MemoryLimit)] = "what it makes a run compute again has the same bits",
        [nameof(TrainingOptions.Rehearsal)] = "nothing of it is kept",
        [nameof(TrainingOptions.Checkpointing)] = "what is computed again has the same bits",
        [nameof(TrainingOptions.PrefixCache)] = "what is kept is what is computed, up to rounding; Auto decides by the memory there is",
        [nameof(TrainingOptions.OutputPath)] = "the folder may have been moved",
        [nameof(TrainingOptions.SaveStep)] = "how often the state is written changes nothing in it",
        [nameof(TrainingOptions.SaveMinute)] = "how often the state is written changes nothing in it",
        [nameof(TrainingOptions.SaveLimit)] = "how many adapters of earlier moments are kept changes nothing in the run",
        [nameof(TrainingOptions.Resume)] = "it is what asks for the comparison",
        [nameof(TrainingOptions.Overwrite)] = "what is done to an adapter that is there",
        [nameof(TrainingOptions.AdapterPath)] = "the adapter's values are compared, wherever they come from",
        [nameof(TrainingOptions.ResizeVocabulary)] = "it allows what the adapter's values ask for, and those are compared",
        [nameof(TrainingOptions.AllowUnmatched)] = "the modules that are hit are compared",
        [nameof(TrainingOptions.Thread)] = "the adapter has the same bytes",
        [nameof(TrainingOptions.Prompt)] = "asked beside the training",
        [nameof(TrainingOptions.PromptToken)] = "asked beside the training",
    };

    /// <summary>The identity of a run.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="weights">Its weights (<see cref="WeightDigest"/>).</param>
    /// <param name="config">The configuration as it is written with the adapter.</param>
    /// <param name="start">The adapter that training goes on from; null to begin anew.</param>
    /// <param name="data">What is read.</param>
    /// <param name="options">How it trains.</param>
    /// <exception cref="LoraException">FileUnreadable.</exception>
    public static IReadOnlyDictionary<string, string> Of(
        string folder, string weights, LoraConfig config, LoraAdapter? start, TrainingData data, TrainingOptions options) =>
        new Dictionary<string, string>
        {
            // A kept state has all values as one tensor, which knows no names.
            ["The order of values"] = config.UseDora ? "A before B before magnitudes" : "A before B",
            ["Model"] = Hash(Path.Combine(folder, "config.json")),
            ["Weights"] = weights,
            ["Tokenizer"] = Hash(TokenizerFile.Find(folder)),
            // Without its paths: a model that was moved is the same model.
            ["Config"] = AdapterConfigJson.Write(config with { Model = null, BaseModelNameOrPath = null }),
            [nameof(options.Adapter)] = start is null ? "" : Hash(start),
            ["Dataset"] = data.Rows?.Hash ?? Hash(data.Dataset),
            [nameof(data.DatasetWeight)] = string.Join(", ", data.DatasetWeight.Select(weight => Text(weight))),
            // The loss before the first step is kept with the state: both have to be of the same rows.
            ["ValidationDataset"] = Hash(data.ValidationDataset),
            // What changes results. Limits, caches and paths change time and memory alone.
            [nameof(options.Epoch)] = Text(options.Epoch),
            [nameof(options.MaxStep)] = Text(options.MaxStep),
            [nameof(options.BatchSize)] = Text(options.BatchSize),
            [nameof(options.GradientAccumulation)] = Text(options.GradientAccumulation),
            [nameof(options.LearningRate)] = Text(options.LearningRate),
            [nameof(options.WarmupStep)] = Text(options.WarmupStep),
            [nameof(options.Schedule)] = Text(options.Schedule),
            [nameof(options.MinimumLearningRate)] = Text(options.MinimumLearningRate),
            [nameof(options.DecayStep)] = Text(options.DecayStep),
            [nameof(options.WeightDecay)] = Text(options.WeightDecay),
            [nameof(options.MaxGradientNorm)] = Text(options.MaxGradientNorm),
            [nameof(DataOptions.DatasetFormat)] = Text(options.Data.DatasetFormat),
            [nameof(DataOptions.Column)] = Text(options.Data.Column),
            [nameof(DataOptions.DatasetRole)] = Text(options.Data.DatasetRole),
            [nameof(DataOptions.DatasetEncoding)] = Text(options.Data.DatasetEncoding),
            [nameof(DataOptions.ChatTemplate)] = new ChosenTemplate(folder, options.Data.ChatTemplate, start?.ChatTemplate).Hash(),
            [nameof(DataOptions.SystemPrompt)] = Text(options.Data.SystemPrompt),
            [nameof(DataOptions.SupervisedTurn)] = Text(options.Data.SupervisedTurn),
            [nameof(DataOptions.AllowSpecialToken)] = Text(options.Data.AllowSpecialToken),
            [nameof(options.MaxLength)] = Text(options.MaxLength),
            [nameof(options.Seed)] = Text(options.Seed),
            [nameof(options.EvaluationStep)] = Text(options.EvaluationStep),
            [nameof(options.KeepBest)] = Text(options.KeepBest),
            [nameof(options.BestBy)] = Text(options.BestBy),
            [nameof(options.Patience)] = Text(options.Patience),
            [nameof(options.DataType)] = Text(options.DataType),
            [nameof(options.Quantization)] = Text(options.Quantization),
        };

    /// <summary>What differs, as sentences.</summary>
    public static IEnumerable<string> Differences(IReadOnlyDictionary<string, string> before, IReadOnlyDictionary<string, string> now) =>
        from entry in now
        let old = before.GetValueOrDefault(entry.Key)
        where old != entry.Value
        select old is null ? $"{entry.Key} was not noted when it was begun, by another version"
            // Hashes say nothing to a reader; that it is another file does.
            : entry.Key is "Model" or "Weights" or "Tokenizer" or "Config" or nameof(TrainingOptions.Adapter) or nameof(DataOptions.ChatTemplate) or "Dataset" or "ValidationDataset" ? $"{entry.Key} is another"
            : $"{entry.Key} was '{old}' and is '{entry.Value}'";

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    /// <summary>The files of a dataset in the order in which they are read; of one file its own hash.</summary>
    private static string Hash(IReadOnlyList<string> paths) => string.Join('+', DatasetFiles.Of(paths).Select(file => Hash(file.Path)));

    /// <summary>Validation sets in their order; names tell several apart.</summary>
    private static string Hash(IReadOnlyList<ValidationSet> sets) =>
        string.Join(';', sets.Select(set => sets.Count == 1 ? Hash(set.Paths) : $"{set.Name}={Hash(set.Paths)}"));

    private static string Hash(string path)
    {
        using FileStream stream = RegularFile.Open(path);
        return Convert.ToHexString(SHA256.HashData(stream));
    }

    private static string Hash(LoraAdapter adapter)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (TensorData tensor in adapter.Tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(tensor.Name));
            hash.AppendData(tensor.Bytes.Span);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
