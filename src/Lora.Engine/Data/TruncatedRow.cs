namespace Lora.Data;

/// <summary>A row that was longer than the limit.</summary>
/// <param name="Line">Where the row stands in its file, from 1.</param>
/// <param name="Tokens">How many tokens it had before it was cut.</param>
public sealed record TruncatedRow(int Line, int Tokens);
