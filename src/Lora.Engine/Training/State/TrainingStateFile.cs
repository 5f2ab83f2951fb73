using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Lora.Checkpoints;

namespace Lora.Training;

/// <summary>A run's state in the folder that its adapter goes to: one safetensors file, written whole or not at all.</summary>
internal static class TrainingStateFile
{
    /// <summary>The file's name.</summary>
    public const string Name = "training_state.safetensors";

    private const string StepKey = "step";
    private const string UpdatesKey = "updates";
    private const string LoopKey = "loop";
    private const string FactorKey = "loss_scale.factor";
    private const string GoodStepsKey = "loss_scale.good_steps";
    private const string EvaluationsKey = "evaluations";
    private const string IdentityPrefix = "run.";

    // A loss may have been infinite; the digits of a number give the same bits back.
    private static readonly JsonSerializerOptions Json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>Whether a folder holds the state of an unfinished run.</summary>
    public static bool IsThere(string folder) => File.Exists(Path.Combine(folder, Name));

    /// <summary>Writes or replaces the state.</summary>
    /// <exception cref="LoraException">OutputFailed.</exception>
    public static void Write(string folder, TrainingState state)
    {
        Dictionary<string, string> metadata = state.Identity.ToDictionary(entry => IdentityPrefix + entry.Key, entry => entry.Value);
        metadata.Add(StepKey, state.Step.ToString(CultureInfo.InvariantCulture));
        metadata.Add(UpdatesKey, state.Updates.ToString(CultureInfo.InvariantCulture));
        metadata.Add(LoopKey, JsonSerializer.Serialize(state.Loop, Json));
        if (state.Scale is LossScale scale)
        {
            // "R" writes the digits that give the same bits back.
            metadata.Add(FactorKey, scale.Factor.ToString("R", CultureInfo.InvariantCulture));
            metadata.Add(GoodStepsKey, scale.GoodSteps.ToString(CultureInfo.InvariantCulture));
        }

        metadata.Add(EvaluationsKey, JsonSerializer.Serialize(state.Evaluations, Json));

        // The adapter's folder: the adapter itself comes at the end of the run.
        using OutputFolder output = new(folder);

        // Tensors and numbers in one file, so that they are always of the same step.
        SafetensorsWriter.Write(Path.Combine(folder, Name), [.. new[] { state.Values, state.Mean, state.Variance, state.Generator, state.Evaluations.BestValues }.OfType<TensorData>()], metadata);
    }

    /// <summary>Reads the state; null when there is none.</summary>
    /// <exception cref="LoraException">The file is damaged, or is not of this kind (ResumeRefused).</exception>
    public static TrainingState? Read(string folder)
    {
        if (!IsThere(folder))
        {
            return null;
        }

        string path = Path.Combine(folder, Name);
        Dictionary<string, TensorData> tensors = SafetensorsFile.ReadAll(path).ToDictionary(tensor => tensor.Name);
        IReadOnlyDictionary<string, string> metadata = SafetensorsHeader.Read(path).Metadata;
        try
        {
            return new(
                int.Parse(metadata[StepKey], CultureInfo.InvariantCulture),
                int.Parse(metadata[UpdatesKey], CultureInfo.InvariantCulture),
                JsonSerializer.Deserialize<LoopCounts>(metadata[LoopKey], Json),
                metadata.TryGetValue(FactorKey, out string? factor)
                    ? new LossScale(float.Parse(factor, CultureInfo.InvariantCulture), int.Parse(metadata[GoodStepsKey], CultureInfo.InvariantCulture))
                    : null,
                tensors[nameof(TrainingState.Values)],
                tensors[nameof(TrainingState.Mean)],
                tensors[nameof(TrainingState.Variance)],
                tensors[nameof(TrainingState.Generator)],
                (JsonSerializer.Deserialize<EvaluationState>(metadata[EvaluationsKey], Json) ?? new()) with
                {
                    BestValues = tensors.GetValueOrDefault(nameof(EvaluationState.BestValues)),
                },
                metadata.Where(entry => entry.Key.StartsWith(IdentityPrefix, StringComparison.Ordinal))
                    .ToDictionary(entry => entry.Key[IdentityPrefix.Length..], entry => entry.Value));
        }
        catch (Exception exception) when (exception is KeyNotFoundException or FormatException or OverflowException or JsonException)
        {
            throw LoraException.From(exception, LoraError.ResumeRefused, folder, folder, $"{Name} is not the state of a run");
        }
    }

    /// <summary>Removes the state of a run that has ended, if there is one, and what killed parts of the run left of theirs.</summary>
    public static void Remove(string folder)
    {
        FileChanges.Delete(Path.Combine(folder, Name));
        Leftovers.RemoveFiles(folder, Name, TimeSpan.Zero);
    }
}
