using static TorchSharp.torch;

namespace Lora.Models;

/// <summary>What all blocks of one step share.</summary>
/// <param name="Documents">First token and length of each.</param>
/// <param name="Cosine">[tokens, r/2] for r values of a head that are rotated.</param>
/// <param name="Sine">Like the cosine.</param>
internal sealed record StepContext(IReadOnlyList<(int Start, int Length)> Documents, Tensor Cosine, Tensor Sine);
