namespace Lora;

/// <summary>The files that a run reads.</summary>
/// <param name="Dataset">Full path of the JSON Lines file to learn from.</param>
/// <param name="ValidationDataset">Full path of the JSON Lines file to evaluate on; null for none.</param>
public sealed record TrainingData(string Dataset, string? ValidationDataset = null);
