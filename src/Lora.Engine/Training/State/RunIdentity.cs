using System.Globalization;
using System.Security.Cryptography;
using Lora.Adapters;
using Lora.Checkpoints;

namespace Lora.Training;

/// <summary>Everything that has to be the same for a run to go on as if it had not been interrupted, by name.</summary>
internal static class RunIdentity
{
    /// <summary>The identity of a run.</summary>
    /// <param name="folder">The model's folder.</param>
    /// <param name="config">The configuration as it is written with the adapter.</param>
    /// <param name="data">What is read.</param>
    /// <param name="options">How it trains.</param>
    public static IReadOnlyDictionary<string, string> Of(string folder, LoraConfig config, TrainingData data, TrainingOptions options) => new Dictionary<string, string>
    {
        // By its configuration: to hash gigabytes of weights would take longer than to load them.
        ["Model"] = Hash(Path.Combine(folder, "config.json")),
        // Without its paths: a model that was moved is the same model.
        ["Config"] = AdapterConfigJson.Write(config with { Model = null, BaseModelNameOrPath = null }),
        ["Dataset"] = Hash(data.Dataset),
        // What changes results. Limits, caches and paths change time and memory alone.
        [nameof(options.Epoch)] = Text(options.Epoch),
        [nameof(options.MaxStep)] = Text(options.MaxStep),
        [nameof(options.BatchSize)] = Text(options.BatchSize),
        [nameof(options.GradientAccumulation)] = Text(options.GradientAccumulation),
        [nameof(options.LearningRate)] = Text(options.LearningRate),
        [nameof(options.WarmupStep)] = Text(options.WarmupStep),
        [nameof(options.Schedule)] = Text(options.Schedule),
        [nameof(options.WeightDecay)] = Text(options.WeightDecay),
        [nameof(options.MaxGradientNorm)] = Text(options.MaxGradientNorm),
        [nameof(options.MaxLength)] = Text(options.MaxLength),
        [nameof(options.Seed)] = Text(options.Seed),
        [nameof(options.DataType)] = Text(options.DataType),
        [nameof(options.Quantization)] = Text(options.Quantization),
    };

    /// <summary>What differs, as sentences.</summary>
    public static IEnumerable<string> Differences(IReadOnlyDictionary<string, string> before, IReadOnlyDictionary<string, string> now) =>
        from entry in now
        let old = before.GetValueOrDefault(entry.Key, "")
        where old != entry.Value
        // Hashes say nothing to a reader; that it is another file does.
        select entry.Key is "Model" or "Config" or "Dataset" ? $"{entry.Key} is another" : $"{entry.Key} was '{old}' and is '{entry.Value}'";

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    private static string Hash(string path)
    {
        using FileStream stream = RegularFile.Open(path);
        return Convert.ToHexString(SHA256.HashData(stream));
    }
}
