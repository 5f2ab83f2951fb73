namespace Lora.Adapters;

/// <summary>One module to adapt, with everything resolved.</summary>
/// <param name="Module">The dotted name in the base model.</param>
/// <param name="Rank">Width of the low-rank product, r.</param>
/// <param name="Scaling">The factor s of the product: alpha / r, or alpha / sqrt(r) under rsLoRA.</param>
internal sealed record AdapterTarget(string Module, int Rank, double Scaling);
