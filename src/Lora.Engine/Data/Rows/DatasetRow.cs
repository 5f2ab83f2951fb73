namespace Lora.Data;

/// <summary>One row of a dataset: a text, or a prompt with its completion.</summary>
/// <param name="Line">Where the row stands in its file, from 1: its first line, or its number in a JSON array.</param>
/// <param name="Prompt">What is given; null for a plain text.</param>
/// <param name="Text">What is to be learned: the whole text, or the completion.</param>
/// <param name="IsDocument">Whether the text is a whole document, of which nothing is dropped: a long one becomes several examples.</param>
public sealed record DatasetRow(int Line, string? Prompt, string Text, bool IsDocument = false);
