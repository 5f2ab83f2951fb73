using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>What all blocks of one step share.</summary>
/// <param name="Documents">First token and length of each.</param>
/// <param name="Cosine">[tokens, d/2].</param>
/// <param name="Sine">[tokens, d/2].</param>
internal sealed record StepContext(IReadOnlyList<(int Start, int Length)> Documents, Tensor Cosine, Tensor Sine);
