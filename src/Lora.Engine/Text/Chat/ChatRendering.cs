namespace Lora;

/// <summary>A conversation as its template writes it.</summary>
/// <param name="Text">The text, special tokens spelled in it.</param>
/// <param name="Generated">
/// Where in <paramref name="Text"/> the template's <c>{% generation %}</c> blocks stand, in its order and in UTF-16 characters: what a model is to say.
/// Null when the template has no such block.
/// </param>
public sealed record ChatRendering(string Text, IReadOnlyList<Range>? Generated);
