namespace Lora.Training;

/// <summary>A loss scaling between two steps.</summary>
/// <param name="Factor">What the loss is multiplied by; a power of two, so that dividing by it is exact.</param>
/// <param name="GoodSteps">Steps done since the factor was last changed.</param>
internal readonly record struct LossScale(float Factor, int GoodSteps);
