namespace Lora.Selection;

/// <summary>One part of a sequence, as far as a repetition after it needs to know.</summary>
/// <param name="Start">Where its translation begins.</param>
/// <param name="Width">How many characters it can match.</param>
/// <param name="Obstacle">Why it cannot be repeated; null when it can.</param>
internal readonly record struct PatternItem(int Start, PatternWidth Width, string? Obstacle = null);
