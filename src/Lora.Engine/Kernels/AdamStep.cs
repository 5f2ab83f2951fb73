namespace Lora.Kernels;

/// <summary>The numbers of one step of AdamW.</summary>
/// <param name="Decay">What values are multiplied by first, 1 - lr·wd.</param>
/// <param name="Beta1">Of the gradients' mean.</param>
/// <param name="Beta2">Of their squares' mean.</param>
/// <param name="Rate">lr / (1 - β₁ᵗ).</param>
/// <param name="VarianceRoot">sqrt(1 - β₂ᵗ), by which the root of the squares' mean is divided.</param>
/// <param name="Epsilon">Added to that quotient.</param>
internal readonly record struct AdamStep(double Decay, double Beta1, double Beta2, double Rate, double VarianceRoot, double Epsilon);
