namespace Lora.Training;

/// <summary>What a base model does without any adapter.</summary>
/// <param name="Loaded">The model.</param>
/// <param name="Evaluation">Its loss.</param>
/// <param name="Continuations">How it continues the prompts.</param>
internal sealed record BaseMeasurement(LoadedModel Loaded, LoraEvaluation Evaluation, IReadOnlyList<string> Continuations);
