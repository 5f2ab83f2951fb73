namespace Lora.Text;

/// <summary>A stretch of a text that a pattern matches, or one between matches.</summary>
internal readonly record struct PatternSpan(int Start, int End, bool IsMatch);
