namespace Lora.Models;

/// <summary>What the memory of a step hangs on.</summary>
/// <param name="Lengths">Tokens of each document.</param>
/// <param name="Supervised">Tokens whose successor is learned.</param>
internal sealed record StepShape(IReadOnlyList<int> Lengths, int Supervised)
{
    /// <summary>All tokens.</summary>
    public long Tokens { get; } = Lengths.Sum(length => (long)length);
}
